/** The media types under which a browser shows what came from somebody else. */

const SHOWN = /^(?:image\/(?:avif|bmp|gif|jpeg|png|webp)|(?:audio|video)\/[\w.+-]+|application\/(?:pdf|zip)|text\/(?:csv|plain))(?: *;|$)/;

/**
 * The type for a Blob. A document with scripts, such as HTML or SVG, would run them as the page's own when somebody opens the
 * Blob's address, so it is octets.
 *
 * @param {string} type
 */
export function shownAs(type) {
  return SHOWN.test(type.toLowerCase()) ? type : "application/octet-stream";
}

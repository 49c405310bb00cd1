/** Files: what the session loads when an app uses the first of them. */

export { openFile } from "./download.js";
export { addFile, discardUpload, forgetUploads, pendingUploads, resumeUpload } from "./upload.js";

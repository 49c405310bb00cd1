/**
 * Loads the calls about files at once, and not with the first of them: for service workers and the background of extensions, which
 * may load no script after their start. Import it beside `vouchsafe`; it exports nothing.
 */

export {};

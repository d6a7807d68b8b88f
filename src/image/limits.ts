/** How large an image may be: far above any real one, so that a mistake or an attack does not fill the disk. */

export const MAX_ENTRIES = 50_000;
export const MAX_IMAGE_BYTES = 4 * 1024 ** 3;

/** Keeps what objects say from driving the terminal: control characters show as themselves. */

/**
 * Text that a terminal only displays: line ends and tabs stay, every other control character becomes `^[` and the like,
 * as kubectl shows them. Manifests and their authors' names come from a repository, and are not trusted with the cursor.
 */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? `^${String.fromCharCode(code + 0x40)}` : code === 0x7f ? "^?" : "\ufffd";
  });
}

/** As `printable`, on one line. */
export function printableLine(text: string): string {
  return printable(text.replaceAll(/[\t\n]+/g, " "));
}

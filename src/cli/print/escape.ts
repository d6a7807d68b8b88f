/** Keeps what objects say from driving the terminal: control characters show as themselves. */

/** Characters that reorder what stands on the line, so that it reads as another text than it is (Unicode TR 9, TR 36). */
const REORDERING = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069";
const CONTROLS = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f${REORDERING}]`, "g");
/** Colours, which a program's own output may have; line ends of Windows. */
const HARMLESS = /\u001b\[[0-9;]*m|\r(?=\n)/;
const CONTROLS_BUT_COLOURS = new RegExp(`(${HARMLESS.source})|${CONTROLS.source}`, "g");

/**
 * Text that a terminal only displays: line ends and tabs stay, every other control character becomes `^[` and the like,
 * as kubectl shows them. Manifests and their authors' names come from a repository, and are not trusted with the cursor.
 */
export function printable(text: string): string {
  return text.replace(CONTROLS, visible);
}

/** As `printable`, on one line. */
export function printableLine(text: string): string {
  return printable(text.replaceAll(/[\t\n]+/g, " "));
}

/** As `printable`, but with colours: for whole lines of ours, and for what pods print. */
export function printableWithColours(text: string): string {
  return text.replace(CONTROLS_BUT_COLOURS, (match, harmless?: string) => harmless ?? visible(match));
}

function visible(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x20 ? `^${String.fromCharCode(code + 0x40)}` : code === 0x7f ? "^?" : "\ufffd";
}

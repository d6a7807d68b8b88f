/** Fixes of values that were quoted and must not be, or the other way round. */
import type { Fixer } from "./fixer.ts";

const QUOTED = /^(["'])([^"'\\\n]*)\1$/;
/** As a number is written in one way only: `080` or `1e3` could mean another one. */
const INTEGER = /^(?:0|-?[1-9][0-9]{0,14})$/;
/** A plain scalar of which quoting leaves every character. */
const PLAIN = /^[A-Za-z0-9_.+-]+$/;

/** `"3"` where a number is wanted, `"true"` where a boolean is; `1.10` or `on` where text is. */
export const fixType: Fixer = ({ text, start, end, diagnostic }) => {
  const source = text.slice(start, end);
  const bare = QUOTED.exec(source)?.[2];
  const field = diagnostic.field ?? "the value";
  if (bare !== undefined) {
    const isWord = bare === "true" || bare === "false";
    if (!isWord && !INTEGER.test(bare)) return null;
    return { start, end, insert: bare, does: `takes the quotes off ${field}` };
  }
  // Whether text is wanted is seen when the result is checked: quoting anything else does not help.
  if (!PLAIN.test(source)) return null;
  return { start, end, insert: `"${source}"`, does: `puts ${field} in quotes` };
};

/** A port's number in quotes is looked for as a name. */
export const fixQuotedPort: Fixer = ({ text, start, end, diagnostic }) => {
  const bare = QUOTED.exec(text.slice(start, end))?.[2];
  if (bare === undefined || !/^[1-9][0-9]{0,4}$/.test(bare)) return null;
  return { start, end, insert: bare, does: `takes the quotes off ${diagnostic.field ?? "the port"}` };
};

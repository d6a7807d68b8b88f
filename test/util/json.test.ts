/** What counts as an object in a text that anybody may have written. */
import { expect, it } from "vitest";
import { parseRecord } from "../../src/util/json.ts";

it.each([
  ['{"a":1}', { a: 1 }],
  ["{}", {}],
  ["[1]", [1]],
  ["null", null],
  ["1", null],
  ['"a"', null],
  ['{"a":', null],
  ["", null],
])("%s", (text, record) => {
  expect(parseRecord(text)).toEqual(record);
});

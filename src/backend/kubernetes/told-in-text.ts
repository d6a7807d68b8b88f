/** Fields that the API server names only in its sentence: those that a kind does not have. Pure. */

export interface Cause {
  reason: string;
  message: string;
  field: string;
}

/** Server-side apply of a field that is not in the schema; the server calls it its own error (500), which it is not. */
const TYPED_PATCH = /failed to create typed patch object \([^)]*\): ([\s\S]*)$/;

/** Whether the server means that the object is wrong, whatever its status says: trying again cannot help. */
export function isWrongObject(message: string): boolean {
  return TYPED_PATCH.test(message);
}

/** Fields in the sentence, as a status would name them had it been asked to. */
export function causesInText(message: string): Cause[] {
  const typed = TYPED_PATCH.exec(message)?.[1] ?? "";
  const inTyped = typed === "" ? [] : [...typed.matchAll(/(?:^|\n\s*)\.((?:\[[^\]]*\]|[^:\s[])+): (.+)/g)];
  const unknown = [...message.matchAll(/unknown field "([^"]+)"/g)];
  return [
    ...inTyped.map(([, field = "", text = ""]) => ({ reason: "FieldValueInvalid", message: text, field })),
    ...unknown.map(([text, field = ""]) => ({ reason: "FieldValueInvalid", message: text, field })),
  ];
}

/** What a fix is: a rule's one right mending, as a replacement of text. */
import type { Diagnostic } from "../../model/diagnostic.ts";
import type { Declared } from "../../model/manifest.ts";

export interface TextEdit {
  /** Offsets in the file's text. */
  start: number;
  end: number;
  insert: string;
  /** For the person: `replicas: "3" is written as a number`; never a value. */
  does: string;
}

export interface FixContext {
  text: string;
  diagnostic: Diagnostic;
  /** Offsets of the diagnostic's place. */
  start: number;
  end: number;
  /** The object it is about, if it is about one. */
  declared: Declared | undefined;
}

/** `null` where there is no one right mending. What it proposes is applied only if checking again agrees. */
export type Fixer = (context: FixContext) => TextEdit | null;

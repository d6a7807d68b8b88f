/** What other stages use of validation. */
export { type AppContext, validateApp } from "./app.ts";
export type {
  AppConfig,
  ImageRules,
  OperatorConfig,
  ParsedConfig,
  RepositoryConfig,
  RepositoryTracking,
} from "./config.ts";
export { CrossCheck } from "./cross-check.ts";
export { inScope } from "./custom/in-scope.ts";
export { CustomKinds, isDefinition } from "./custom/kinds.ts";
export { CarriedObject, type CheckedObject, checkFile, type FileCheck } from "./file-check.ts";
export { type FormatOptions, formatDiagnostics } from "./format.ts";
export { checkImageRules, hasImageRules, type NamedImage } from "./image-rules.ts";
export { type ImagePlace, imagePlaces } from "./image-uses.ts";
export { dayOf, type Judging, judge } from "./judge.ts";
export { type ValidateOptions, validateDeclared } from "./object.ts";
export { parseOperatorConfig } from "./operator-config.ts";
export { parseRepositoryConfig } from "./repository-config.ts";
export { RULES, type RuleId } from "./rules.ts";
export { notRunHere, type Target, warnOfKindsNotRunHere } from "./runnable.ts";
export { DEFAULT_KUBERNETES_VERSION, type KindQuery, KUBERNETES_VERSIONS, kindSchema } from "./schemas/index.ts";
export { type Lifecycle, lifecycleOf } from "./schemas/lifecycle.ts";
export { type PlainSchema, plainFileName, plainKinds, plainSchemaOf, plainSchemaOfAll } from "./schemas/plain.ts";
export type { KindSchema, SchemaFault, SchemaNode, Scope } from "./schemas/types.ts";
export {
  type Checks,
  NO_FLOOR,
  NO_OPERATOR,
  type OperatorFloor,
  type ValidationFloor,
  type ValidationSettings,
} from "./settings.ts";

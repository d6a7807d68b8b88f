/** Functions that are written behind a name, such as `sets.contains(…)`. */
import type { Environment } from "@marcbachmann/cel-js";

/** Where a function belongs that is written `sets.contains(…)`. */
class Namespace {}

/** Makes `name.` a place for functions; the type's name is given back, to register them with. */
export function namespace(environment: Environment, name: string): string {
  const type = `${name}Namespace`;
  const ctor = class extends Namespace {};
  environment.registerType(type, { ctor, fields: {} });
  environment.registerConstant(name, type, new ctor());
  return type;
}

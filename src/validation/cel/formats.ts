/** Named formats in expressions: `format.dns1123Label().validate(text)`. */
import type { Environment, Optional } from "@marcbachmann/cel-js";
import { checkDnsLabel, checkLabelValue, checkQualifiedName, checkServiceName, checkSubdomain } from "../names.ts";
import { namespace } from "./namespace.ts";

const FORMAT = "kubernetes.NamedFormat";

/** What is wrong with a text; null when nothing is. */
type Check = (text: string) => string | null;

class Format {
  readonly check: Check;

  constructor(check: Check) {
    this.check = check;
  }
}

/** A prefix of a name may end in a dash: what is made of it goes on. */
function ofPrefix(check: Check): Check {
  return (text) => check(text.endsWith("-") ? `${text.slice(0, -1)}a` : text);
}

function ofPattern(what: string, pattern: RegExp): Check {
  return (text) => (pattern.test(text) ? null : `must be ${what}`);
}

const FORMATS: Readonly<Record<string, Check>> = {
  dns1123Label: checkDnsLabel,
  dns1123LabelPrefix: ofPrefix(checkDnsLabel),
  dns1123Subdomain: checkSubdomain,
  dns1123SubdomainPrefix: ofPrefix(checkSubdomain),
  dns1035Label: checkServiceName,
  dns1035LabelPrefix: ofPrefix(checkServiceName),
  qualifiedName: checkQualifiedName,
  labelValue: checkLabelValue,
  uri: (text) => (URL.canParse(text) || text.startsWith("/") ? null : "must be a URI"),
  uuid: ofPattern("a UUID", /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i),
  byte: ofPattern("base64", /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/),
  date: ofPattern("a date", /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/),
  datetime: ofPattern("a time", /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/),
};

export function registerFormats(environment: Environment, optional: typeof Optional): void {
  environment.registerType(FORMAT, { ctor: Format, fields: {} });
  const formats = namespace(environment, "format");
  for (const [name, check] of Object.entries(FORMATS)) {
    const format = new Format(check);
    environment.registerFunction(`${formats}.${name}(): ${FORMAT}`, () => format);
  }
  environment
    .registerFunction(`${formats}.named(string): optional<${FORMAT}>`, (_: unknown, name: string) => {
      const check = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
      return check === undefined ? optional.none() : optional.of(new Format(check));
    })
    // Its type is left open, as rules compare the result with null.
    .registerFunction(`${FORMAT}.validate(string): dyn`, ({ check }: Format, text: string) => {
      const wrong = check(text);
      return wrong === null ? optional.none() : optional.of([wrong]);
    });
}

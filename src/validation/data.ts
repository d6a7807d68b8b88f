/** Rules on ConfigMaps and Secrets. Sentences never hold a Secret's values. */
import type { Field } from "./field.ts";
import { checkConfigKey } from "./names.ts";
import type { Report } from "./report.ts";

const SIZE_LIMIT = 1024 * 1024;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export function checkConfigMap(report: Report, root: Field): void {
  const data = root.at("data");
  const binary = root.at("binaryData");
  checkKeys(report, data);
  checkKeys(report, binary);
  for (const [key, value] of binary.entries) {
    if (data.at(key).isGiven) {
      report.say(
        "error",
        "data-key",
        value.path,
        `Cannot use ${value.name} as it is a duplicate of a key present in data`,
        { at: "key" },
      );
    }
  }
  const size = checkBase64(report, binary) + textSize(data);
  checkSize(report, root, size);
}

export function checkSecret(report: Report, root: Field): void {
  const data = root.at("data");
  const stringData = root.at("stringData");
  checkKeys(report, data);
  checkKeys(report, stringData);
  checkSize(report, root, checkBase64(report, data) + textSize(stringData));
  checkSecretType(report, root);
}

function checkKeys(report: Report, data: Field): void {
  for (const [key, value] of data.entries) {
    const wrong = checkConfigKey(key);
    if (wrong !== null)
      report.say("error", "data-key", value.path, `Cannot use the key "${key}" as ${wrong}`, { at: "key" });
  }
}

/** Checks base64 values; returns the bytes that they decode to. Line breaks inside are allowed, as Go's decoder skips them. */
function checkBase64(report: Report, data: Field): number {
  let size = 0;
  for (const [, value] of data.entries) {
    if (value.text === undefined) continue;
    const compact = value.text.replace(/[\r\n]/g, "");
    if (compact.length % 4 === 0 && BASE64.test(compact)) size += Math.floor((compact.length * 3) / 4);
    else {
      report.say("error", "data-base64", value.path, `Cannot read ${value.name} as it must be base64`, {
        hint:
          report.declared.id.kind === "Secret"
            ? "Encode it (base64), or move it to stringData as plain text."
            : "Encode it (base64), or move it to data as plain text.",
      });
    }
  }
  return size;
}

function textSize(data: Field): number {
  return data.entries.reduce((sum, [, { text }]) => sum + Buffer.byteLength(text ?? ""), 0);
}

function checkSize(report: Report, root: Field, size: number): void {
  if (size <= SIZE_LIMIT) return;
  const field = root.at("data").isGiven ? root.at("data") : root;
  report.say(
    "error",
    "data-size",
    field.path,
    `Cannot use the object as its data may not be more than ${SIZE_LIMIT} bytes: it is ${size}`,
    { at: "key" },
  );
}

/** Keys that a Secret of a type must have: all of a row, or one of them where the row says so. */
const TYPE_KEYS: Readonly<Record<string, { keys: readonly string[]; any?: boolean }>> = {
  "kubernetes.io/dockercfg": { keys: [".dockercfg"] },
  "kubernetes.io/dockerconfigjson": { keys: [".dockerconfigjson"] },
  "kubernetes.io/basic-auth": { keys: ["username", "password"], any: true },
  "kubernetes.io/ssh-auth": { keys: ["ssh-privatekey"] },
  "kubernetes.io/tls": { keys: ["tls.crt", "tls.key"] },
};

function checkSecretType(report: Report, root: Field): void {
  const type = root.at("type");
  const wanted = type.text !== undefined && Object.hasOwn(TYPE_KEYS, type.text) ? TYPE_KEYS[type.text] : undefined;
  if (type.text === "kubernetes.io/service-account-token") {
    if (!root.at("metadata", "annotations").at("kubernetes.io/service-account.name").isGiven) {
      report.error("secret-type", type, "it asks for the annotation kubernetes.io/service-account.name");
    }
    return;
  }
  if (wanted === undefined) return;
  const missing = wanted.keys.filter(
    (key) => !root.at("data").at(key).isGiven && !root.at("stringData").at(key).isGiven,
  );
  const fails = wanted.any === true ? missing.length === wanted.keys.length : missing.length > 0;
  if (!fails) return;
  const words =
    wanted.any === true ? `one of the keys ${missing.join(", ")}` : `the key ${missing.join(" and the key ")}`;
  report.error("secret-type", type, `it asks for ${words}`);
}

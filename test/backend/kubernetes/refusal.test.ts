/** What the API server refused, in the words that its release 1.37 uses. */
import { describe, expect, it } from "vitest";
import { calledBy, isOfThePresent, isStale, refusalOf } from "../../../src/backend/kubernetes/refusal.ts";
import { errorOfStatus, readStatus } from "../../../src/backend/kubernetes/status.ts";
import { TrueupError } from "../../../src/model/errors.ts";

const id = { group: "apps", kind: "Deployment", namespace: "shop", name: "web" };
const secretId = { group: "", kind: "Secret", namespace: "shop", name: "key" };

function answered(code: number, status: object, isSecret = false): TrueupError {
  const path = isSecret ? "/api/v1/namespaces/shop/secrets/key" : "/apis/apps/v1/namespaces/shop/deployments/web";
  return errorOfStatus({ method: "PATCH", path }, readStatus(code, { kind: "Status", code, ...status }, isSecret));
}

interface Expected {
  code: string;
  said: string;
  fields?: [string, string][];
  hint?: RegExp;
}

describe("a refusal", () => {
  it.each<[string, TrueupError, Expected]>([
    [
      "of fields",
      answered(422, {
        reason: "Invalid",
        message: 'Deployment.apps "web" is invalid: spec.selector: field is immutable',
        details: { causes: [{ reason: "FieldValueInvalid", message: "field is immutable", field: "spec.selector" }] },
      }),
      {
        code: "invalid",
        said: 'Deployment.apps "web" is invalid: spec.selector: field is immutable',
        fields: [["spec.selector", "field is immutable"]],
      },
    ],
    [
      "of a field that the kind does not have, which the server calls its own error",
      answered(500, {
        message:
          "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): errors:\n  .spec.template.spec.foo: field not declared in schema\n  .spec.bar: field not declared in schema",
      }),
      {
        code: "invalid",
        said: "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): errors:\n  .spec.template.spec.foo: field not declared in schema\n  .spec.bar: field not declared in schema",
        fields: [
          ["spec.template.spec.foo", "field not declared in schema"],
          ["spec.bar", "field not declared in schema"],
        ],
      },
    ],
    [
      "of one such field",
      answered(500, {
        message:
          "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema",
      }),
      {
        code: "invalid",
        said: "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema",
        fields: [["spec.foo", "field not declared in schema"]],
      },
    ],
    [
      "of fields that a custom kind would drop",
      answered(400, {
        reason: "BadRequest",
        message: 'failed to create: strict decoding error: unknown field "spec.a", unknown field "spec.b"',
      }),
      {
        code: "invalid",
        said: 'failed to create: strict decoding error: unknown field "spec.a", unknown field "spec.b"',
        fields: [
          ["spec.a", 'unknown field "spec.a"'],
          ["spec.b", 'unknown field "spec.b"'],
        ],
      },
    ],
    [
      "of a right",
      answered(403, {
        reason: "Forbidden",
        message: 'deployments.apps "web" is forbidden: User "alice" cannot patch resource "deployments"',
      }),
      {
        code: "forbidden",
        said: 'deployments.apps "web" is forbidden: User "alice" cannot patch resource "deployments"',
        hint: /Role/,
      },
    ],
    [
      "in a namespace that goes",
      answered(403, {
        reason: "Forbidden",
        message: "unable to create new content in namespace shop because it is being terminated",
        details: {
          causes: [{ reason: "NamespaceTerminating", message: "it is being terminated", field: "metadata.namespace" }],
        },
      }),
      {
        code: "conflict",
        said: "unable to create new content in namespace shop because it is being terminated",
        fields: [["metadata.namespace", "it is being terminated"]],
        hint: /once the namespace is gone/,
      },
    ],
    [
      "of a server that has another trouble",
      answered(500, { message: "failed calling webhook" }),
      { code: "unavailable", said: "failed calling webhook" },
    ],
  ])("%s", (_, error, { code, said, fields = [], hint }) => {
    const refused = refusalOf(error, "apply", id) as TrueupError;
    expect(refused).toBeInstanceOf(TrueupError);
    expect(refused.code).toBe(code);
    expect(refused.message).toBe(
      `Cannot apply shop/deployment/web as the API server must accept it: it says "${said}".`,
    );
    expect(refused.fields.map(({ path, message }) => [path, message])).toEqual(fields);
    expect(refused.hint ?? "").toMatch(hint ?? /^$/);
  });

  it("about a Secret never quotes what the server says", () => {
    const error = answered(
      422,
      {
        reason: "Invalid",
        message: 'Secret "key" is invalid: data[a]: Invalid value: "c3VwZXJzZWNyZXQ="',
        details: { causes: [{ reason: "x", message: 'Invalid value: "c3VwZXJzZWNyZXQ="', field: "data[a]" }] },
      },
      true,
    );
    const refused = refusalOf(error, "apply", secretId) as TrueupError;
    expect(refused.message).toBe(
      'Cannot apply shop/secret/key as the API server must accept it: it says "422 Invalid in data[a]".',
    );
    expect(refused.hint).toMatch(/left out/);
    const told = [refused.message, refused.hint, refused.stack, String(refused.cause), JSON.stringify(refused.fields)];
    expect(told.join("\n")).not.toContain("c3VwZXJzZWNyZXQ=");
  });

  it("that no answer led to stays as it is", () => {
    const away = new TrueupError("unavailable", "away");
    expect(refusalOf(away, "apply", id)).toBe(away);
    expect(isStale(away)).toBe(false);
  });
});

describe("what is worth another look", () => {
  it.each<[boolean, TrueupError]>([
    [true, answered(409, { reason: "Conflict" })],
    [true, answered(409, { reason: "AlreadyExists" })],
    [
      true,
      answered(422, { reason: "Invalid", details: { causes: [{ field: "metadata.uid", message: "immutable" }] } }),
    ],
    [false, answered(422, { reason: "Invalid", details: { causes: [{ field: "spec", message: "immutable" }] } })],
    [false, answered(403, { reason: "Forbidden" })],
    [false, answered(500, {})],
  ])("is %s: %s", (expected, error) => {
    expect(isStale(error)).toBe(expected);
  });
});

describe("a refusal of what was tried under another name", () => {
  const name = "web-0a1b2c3d";
  const cause = (field: string) => ({ reason: "FieldValueInvalid", message: `of ${name}`, field });

  it.each([
    [
      "quota",
      answered(403, { message: `deployments.apps "${name}" is forbidden: exceeded quota: q, requested: x` }),
      true,
    ],
    ["right", answered(403, { message: `deployments.apps "${name}" is forbidden: User "a" cannot patch` }), false],
    ["name", answered(422, { details: { causes: [cause("metadata.name")] } }), true],
    ["name and another field", answered(422, { details: { causes: [cause("metadata.name"), cause("spec")] } }), false],
    ["no field", answered(422, { message: "no" }), false],
  ])("says something of the new object or not: %s", (_what, error, expected) => {
    expect(isOfThePresent(error)).toBe(expected);
  });

  it("names the object as it is called", () => {
    const error = answered(422, {
      message: `Deployment "${name}" is invalid: spec: bad`,
      details: { causes: [cause("spec")] },
    });
    const told = refusalOf(calledBy(error, name, "web"), "apply", id) as TrueupError;
    expect([told.code, told.message, told.fields, String(told.cause)].join()).not.toContain(name);
    expect(told.fields).toEqual([{ path: "spec", message: "of web" }]);
    const other = new Error("no answer");
    expect(calledBy(other, name, "web")).toBe(other);
  });
});

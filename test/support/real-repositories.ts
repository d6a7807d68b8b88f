/** Real manifests of `test/fixtures/repos` as one repository of many apps: which files make which app, and what is left out. */
import { globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

const SOCK_SHOP = "sock-shop/deploy/kubernetes";
const FIXTURES = join(import.meta.dirname, "../fixtures/repos");

export interface RealApp {
  name: string;
  /** Files and directories of the fixtures. */
  from: readonly string[];
}

/** Files that are no app's part as trueup refuses them, each with the rule that says why. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  "sock-shop/deploy/kubernetes/manifests-logging/fluentd-cr.yml": "api-removed",
  "sock-shop/deploy/kubernetes/manifests-logging/fluentd-crb.yml": "api-removed",
  "sock-shop/deploy/kubernetes/autoscaling/heapster-crb.yml": "api-removed",
  "podinfo/deploy/secure/common/cluster-issuer.yaml": "schema-missing",
  "podinfo/deploy/secure/frontend/certificate.yaml": "schema-missing",
  "argocd-e2e-testdata/crd-validation/deployment.yaml": "schema-type",
  "argocd-e2e-testdata/crd-version-differences/crd-does-not-exist-instance.yaml": "schema-missing",
  "argocd-e2e-testdata/crd-version-differences/crd-v1alpha2-instance.yaml": "unknown-kind",
  "argocd-e2e-testdata/crd-version-differences/crd-wronggroup-instance.yaml": "schema-missing",
  "argocd-e2e-testdata/deprecated-extensions/ingress.yaml": "schema-required",
  "argocd-e2e-testdata/deprecated-extensions/network-policy.yaml": "api-removed",
  "argocd-e2e-testdata/deprecated-extensions/pod-security-policy.yaml": "unknown-kind",
  "argocd-e2e-testdata/global-with-no-namespace/console.yaml": "schema-missing",
  "argocd-e2e-testdata/networking/guestbook-ui-svc-ingress.yaml": "schema-required",
  "argocd-e2e-testdata/openshift/manifests.yaml": "schema-missing",
  "argocd-e2e-testdata/progressive-sync/dev/deployment.yaml": "image-invalid",
  "argocd-e2e-testdata/progressive-sync/prod/deployment.yaml": "image-invalid",
  "argocd-e2e-testdata/progressive-sync/staging/deployment.yaml": "image-invalid",
  "argocd-e2e-testdata/self-managed-app/resources.yaml": "schema-missing",
  "argocd-e2e-testdata/ssa-revision-history/deployment.yaml": "schema-required",
  "argocd-e2e-testdata/sync-options-validate-false/invalid-cm.yaml": "unknown-field",
};

/** Files that declare what another file declares, too: one of the two is enough. */
const DECLARED_AGAIN: ReadonlySet<string> = new Set([
  "gateway-api/examples/standard/basic-http.yaml",
  "gateway-api/examples/standard/grpc-routing/reflection-grpcroute.yaml",
  "gateway-api/examples/standard/http-cors/httproute-all-origins-no-creds.yaml",
  "gateway-api/examples/standard/http-cors/httproute-credentials-true.yaml",
  "gateway-api/examples/standard/http-cors/httproute-origins-with-wildcards-no-creds.yaml",
  "gateway-api/examples/standard/http-cors/httproute-specific-origin-no-creds.yaml",
  "gateway-api/examples/standard/http-redirect-rewrite/httproute-redirect-http.yaml",
  "gateway-api/examples/standard/http-redirect-rewrite/httproute-redirect-prefix.yaml",
  "gateway-api/examples/standard/http-redirect-rewrite/httproute-rewrite-prefix-path.yaml",
  "gateway-api/examples/standard/http-redirect-rewrite/httproute-rewrite.yaml",
  "gateway-api/examples/standard/http-redirect.yaml",
  "gateway-api/examples/standard/http-request-header-remove.yaml",
  "gateway-api/examples/standard/http-request-header-set.yaml",
  "gateway-api/examples/standard/http-rewrite.yaml",
  "gateway-api/examples/standard/http-routing/gateway.yaml",
  "gateway-api/examples/standard/multicluster/httproute-hybrid.yaml",
  "gateway-api/examples/standard/multicluster/httproute-location.yaml",
  "gateway-api/examples/standard/multicluster/httproute-simple.yaml",
  "gateway-api/examples/standard/simple-http-https/foo-route.yaml",
  "gateway-api/examples/standard/simple-http-https/gateway.yaml",
  "gateway-api/examples/standard/tcp-routing/gateway.yaml",
  "gateway-api/examples/standard/tcp-routing/tcp-route.yaml",
  "gateway-api/examples/standard/tls-routing/gateway.yaml",
  "gateway-api/examples/standard/traffic-splitting/grpc-traffic-split-2.yaml",
  "gateway-api/examples/standard/traffic-splitting/traffic-split-1.yaml",
  "gateway-api/examples/standard/traffic-splitting/traffic-split-2.yaml",
  "gateway-api/examples/standard/traffic-splitting/traffic-split-3.yaml",
  "gateway-api/examples/standard/udp-routing/gateway.yaml",
  "gateway-api/examples/standard/udp-routing/udp-route.yaml",
  "sock-shop/deploy/kubernetes/manifests/00-sock-shop-ns.yaml",
  "sock-shop/deploy/kubernetes/complete-demo.yaml",
  "sock-shop/deploy/kubernetes/manifests-jaeger/catalogue-dep.yaml",
  "sock-shop/deploy/kubernetes/manifests-jaeger/payment-dep.yaml",
  "sock-shop/deploy/kubernetes/manifests-jaeger/user-dep.yaml",
  "argocd-e2e-testdata/cluster-role-hook/cluster-role.yaml",
  "argocd-e2e-testdata/multi-sync/crd/crd.yaml",
  "argocd-e2e-testdata/duplicated-resources/duplicates-cluster.yaml",
  "argocd-e2e-testdata/duplicated-resources/duplicates-namespaced.yaml",
  "argocd-e2e-testdata/progressive-sync/multiple-apps-in-step/dev/sketch/deployment.yaml",
  "argocd-e2e-testdata/progressive-sync/multiple-apps-in-step/prod/run/deployment.yaml",
  "argocd-e2e-testdata/progressive-sync/multiple-apps-in-step/prod/ship/deployment.yaml",
  "argocd-e2e-testdata/progressive-sync/multiple-apps-in-step/staging/validate/deployment.yaml",
  "argocd-e2e-testdata/progressive-sync/multiple-apps-in-step/staging/verify/deployment.yaml",
]);

/**
 * The API server drops an annotation of its pods, which asked for init containers before Kubernetes 1.8: it never is as it is
 * declared, and a second pass rightly says so.
 */
const DROPPED_BY_SERVER = `${SOCK_SHOP}/manifests-monitoring/23-grafana-import-dash-batch.yaml`;

/** Files of the fixtures, in order. */
function filesOf(sources: readonly string[]): string[] {
  return sources.flatMap((source) => {
    const path = join(FIXTURES, source);
    if (!statSync(path).isDirectory()) return [source];
    return globSync("**/*.{yaml,yml,json}", { cwd: path })
      .sort()
      .map((file) => join(source, file));
  });
}

/** What a directory of its own is an app of, each. */
function each(prefix: string, folder: string): RealApp[] {
  return globSync("*/", { cwd: join(FIXTURES, folder) })
    .sort()
    .map((path) => path.replace(/\/$/, ""))
    .filter((path) => statSync(join(FIXTURES, folder, path)).isDirectory())
    .map((path) => ({ name: `${prefix}-${path}`, from: [join(folder, path)] }))
    .filter(({ from }) => filesOf(from).some(isTaken));
}

const GATEWAY = "gateway-api";

export const REAL_APPS: readonly RealApp[] = [
  { name: "voting", from: ["example-voting-app/k8s-specifications"] },
  {
    name: "sock-shop",
    from: ["manifests", "manifests-policy", "manifests-loadtest", "manifests-alerting", "manifests-monitoring"]
      .concat("manifests-logging", "autoscaling")
      .map((part) => `${SOCK_SHOP}/${part}`),
  },
  { name: "sock-shop-jaeger", from: [`${SOCK_SHOP}/manifests-jaeger`] },
  ...each("podinfo", "podinfo/deploy/bases"),
  { name: "podinfo-webapp", from: ["podinfo/deploy/webapp"] },
  { name: "podinfo-secure", from: ["podinfo/deploy/secure"] },
  { name: "podinfo", from: ["podinfo/kustomize"] },
  { name: "flux-rbac", from: ["flux-manifests/manifests/rbac"] },
  { name: "flux-policies", from: ["flux-manifests/manifests/policies"] },
  { name: "gateway", from: [`${GATEWAY}/config/crd/standard`, `${GATEWAY}/examples/standard`] },
  ...each("argo", "argocd-e2e-testdata"),
];

/** What pods run that are to end: whoever plays the pods can tell them from those that run on. */
export const ENDS = "ends:v1";

/** Images without a tag, or with `latest`, are refused by trueup; which image it is does not matter where no node pulls it. */
function tagged(text: string): string {
  const documents = text.split(/^---$/m).map((document) => {
    const image = /^\s*restartPolicy: *(?:Never|OnFailure)\s*$/m.test(document) ? `$1${ENDS}` : "$1$2:v1";
    return document.replace(/^(\s*(?:- )?image: *)"?(?:[^\s:"@]+\/)?([^\s:"@/]+)(?::[\w.-]+)?"?\s*$/gm, image);
  });
  return documents.join("---");
}

/**
 * Lays the apps out in a directory, each below its name.
 *
 * @returns Apps of one file that is left out of all others, with that file
 */
export function layOut(directory: string): Map<string, string> {
  const write = (app: string, id: string, name: string): void => {
    const target = join(directory, app, name);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, tagged(readFileSync(join(FIXTURES, id), "utf8")));
  };
  for (const { name, from } of REAL_APPS) {
    for (const source of from) {
      for (const id of filesOf([source]).filter(isTaken)) write(name, id, relative(dirname(source), id));
    }
  }
  const alone = Object.keys(LEFT_OUT).map((id, at): [string, string] => [`left-${at + 1}`, id]);
  for (const [app, id] of alone) write(app, id, basename(id));
  return new Map(alone);
}

function isTaken(id: string): boolean {
  return !DECLARED_AGAIN.has(id) && id !== DROPPED_BY_SERVER && LEFT_OUT[id] === undefined;
}

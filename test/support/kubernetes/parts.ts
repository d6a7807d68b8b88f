/** The control plane's parts: how each is started, and which question it answers once it is ready. Pure. */

/** Who may talk to a control plane of ours: name to groups. Those without a group may do what a test binds to them. */
export const USERS = {
  /** The tests themselves. */
  admin: ["system:masters"],
  /** trueup under test: the same rights, so that the audit log tells its requests from the tests'. */
  trueup: ["system:masters"],
  /** Whoever plays nodes and pods. */
  player: ["system:masters"],
  "system:kube-controller-manager": [],
  "system:kube-scheduler": [],
  alice: [],
  bob: [],
  carol: [],
} as const satisfies Record<string, readonly string[]>;

export type User = keyof typeof USERS;

export const PARTS = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const;
export type Part = (typeof PARTS)[number];

/** Loopback ports, by what listens there. */
export interface Ports {
  etcd: number;
  peer: number;
  api: number;
  controllers: number;
  scheduler: number;
}

/** Names of the files in a control plane's directory. */
export const FILES = {
  certificate: "certificates/apiserver.crt",
  key: "certificates/apiserver.key",
  tokens: "tokens.csv",
  audit: "audit.log",
  auditPolicy: "audit-policy.json",
  accountKey: "service-accounts.key",
  accountPublicKey: "service-accounts.pub",
} as const;

/** Where a user's kubeconfig is in that directory. */
export function kubeconfigName(user: User): string {
  return `${user.replaceAll(":", "-")}.kubeconfig`;
}

/**
 * What the audit log keeps: who asked for what, without bodies. The control plane's own parts are left out, as they ask
 * for more than everybody else together and no test counts them.
 */
export const AUDIT_POLICY = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    {
      level: "None",
      users: ["system:apiserver", "system:kube-controller-manager", "system:kube-scheduler", "system:anonymous"],
    },
    { level: "None", userGroups: ["system:serviceaccounts:kube-system"] },
    { level: "Metadata" },
  ],
};

/** The questions by which a part is found ready, as addresses that answer 200 then. */
export function readiness({ etcd, api, controllers, scheduler }: Ports): Record<Part, string> {
  return {
    etcd: `http://127.0.0.1:${etcd}/readyz`,
    "kube-apiserver": `https://127.0.0.1:${api}/readyz`,
    "kube-controller-manager": `https://127.0.0.1:${controllers}/healthz`,
    "kube-scheduler": `https://127.0.0.1:${scheduler}/readyz`,
  };
}

/** The arguments of each part. Everything listens on loopback alone, and keeps what it writes in the directory. */
export function commandLines(directory: string, ports: Ports): Record<Part, string[]> {
  const at = (name: string): string => `${directory}/${name}`;
  const etcd = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.peer}`;
  // The API server makes its own certificate at its first start. The others show the same one: then all are trusted alike.
  const certificate = [`--tls-cert-file=${at(FILES.certificate)}`, `--tls-private-key-file=${at(FILES.key)}`];
  const client = (user: User, port: number): string[] => [
    `--kubeconfig=${at(kubeconfigName(user))}`,
    `--authentication-kubeconfig=${at(kubeconfigName(user))}`,
    `--authorization-kubeconfig=${at(kubeconfigName(user))}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    ...certificate,
    "--leader-elect=false",
    "--profiling=false",
  ];
  return {
    etcd: [
      "--name=trueup-test",
      `--data-dir=${at("etcd")}`,
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=trueup-test=${peer}`,
      // What the machine loses by losing power, it may lose: all of it is thrown away at the end.
      "--unsafe-no-fsync",
      "--log-level=warn",
    ],
    "kube-apiserver": [
      `--etcd-servers=${etcd}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.api}`,
      `--cert-dir=${at("certificates")}`,
      `--token-auth-file=${at(FILES.tokens)}`,
      "--authorization-mode=RBAC",
      "--allow-privileged=true",
      "--service-cluster-ip-range=10.96.0.0/16",
      "--endpoint-reconciler-type=none",
      "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
      `--service-account-key-file=${at(FILES.accountPublicKey)}`,
      `--service-account-signing-key-file=${at(FILES.accountKey)}`,
      `--audit-log-path=${at(FILES.audit)}`,
      `--audit-policy-file=${at(FILES.auditPolicy)}`,
      // Megabytes after which a new file would be begun: whoever counts must find all in one.
      "--audit-log-maxsize=100000",
      "--profiling=false",
    ],
    "kube-controller-manager": [
      ...client("system:kube-controller-manager", ports.controllers),
      "--controllers=*,-node-ipam-controller,-bootstrap-signer-controller,-token-cleaner-controller",
      "--use-service-account-credentials=true",
      `--service-account-private-key-file=${at(FILES.accountKey)}`,
      `--root-ca-file=${at(FILES.certificate)}`,
      // A test that keeps the machine busy for a minute must not find its nodes given up.
      "--node-monitor-grace-period=10m",
    ],
    "kube-scheduler": client("system:kube-scheduler", ports.scheduler),
  };
}

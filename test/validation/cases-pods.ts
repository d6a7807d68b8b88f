/** Cases of the rarer rules on pods and on the volumes that they use. */
import type { RuleCase } from "./cases-1.ts";

const pod = (spec: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers: [{name: c, image: "a:1"}]\n${spec}`;

export const CASES: readonly RuleCase[] = [
  {
    rule: "scheduling",
    name: "a pod that fits nowhere",
    yaml: pod(`  tolerations: [{operator: Equal}, {key: a, operator: Exists, value: b, tolerationSeconds: 1}]
  affinity:
    nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: [b, c]}]}]}}
    podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 0, podAffinityTerm: {topologyKey: ""}}]}
  topologySpreadConstraints: [{maxSkew: 0, topologyKey: z, whenUnsatisfiable: ScheduleAnyway, minDomains: 2}]
`),
    expect: [
      "6:17 error scheduling: Cannot use spec.tolerations[0] as operator must be Exists when key is empty, which means every taint",
      '6:70 error scheduling: Cannot use spec.tolerations[1].value as it must be empty when operator is Exists: it is "b"',
      "6:73 error scheduling: Cannot use spec.tolerations[1].tolerationSeconds as effect must be NoExecute where it is given: it is 1",
      "8:132 error scheduling: Cannot use spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values as it must be one value when operator is Gt: it has 2",
      "9:78 error scheduling: Cannot use spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight as it must be between 1 and 100: it is 0",
      "9:99 error scheduling: Cannot use spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm as topologyKey must be given: it is missing (Such as kubernetes.io/hostname.)",
      "10:41 error scheduling: Cannot use spec.topologySpreadConstraints[0].maxSkew as it must be greater than 0: it is 0",
      "10:107 error scheduling: Cannot use spec.topologySpreadConstraints[0].minDomains as whenUnsatisfiable must be DoNotSchedule where it is given: it is 2",
    ],
  },
  {
    rule: "security-context",
    name: "settings that exclude each other",
    yaml: pod(`  hostNetwork: true
  hostPID: true
  shareProcessNamespace: true
  securityContext:
    runAsUser: -1
    seccompProfile: {type: Localhost}
    appArmorProfile: {type: Unconfined, localhostProfile: a}
    sysctls: [{name: net.core.somaxconn, value: "1"}, {name: A, value: "1"}]
`),
    expect: [
      "8:26 error security-context: Cannot use spec.shareProcessNamespace as it must not stand beside hostPID: it is true",
      "9:3 warning process-runtime-ignores: spec.securityContext is ignored by the process runtime: it is no sandbox",
      "10:16 error security-context: Cannot use spec.securityContext.runAsUser as it must be between 0 and 2147483647, inclusive: it is -1",
      "11:5 error security-context: Cannot use spec.securityContext.seccompProfile as localhostProfile must be given: it is missing",
      '12:59 error security-context: Cannot use spec.securityContext.appArmorProfile.localhostProfile as type must be Localhost where it is given: it is "a"',
      '13:22 error security-context: Cannot use spec.securityContext.sysctls[0].name as it must not be set for the host\'s network (hostNetwork): it is "net.core.somaxconn"',
      '13:62 error security-context: Cannot use spec.securityContext.sysctls[1].name as it must be the name of a kernel setting: it is "A"',
    ],
  },
  {
    rule: "pod-network",
    name: "names that lead nowhere",
    yaml: pod(`  dnsPolicy: None
  dnsConfig: {searches: [a_b, "-"], options: [{value: a}]}
  hostAliases: [{ip: a, hostnames: [b]}]
  schedulingGates: [{name: a}, {name: a}]
`),
    expect: [
      "7:3 error pod-network: Cannot use spec.dnsConfig as nameservers must be given: it is missing (With dnsPolicy: None a pod has the name servers that are named here.)",
      "7:31 error pod-network: Cannot use spec.dnsConfig.searches[1] as a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character: it is \"-\"",
      "7:47 error pod-network: Cannot use spec.dnsConfig.options[0] as name must be given: it is missing",
      '8:22 error pod-network: Cannot use spec.hostAliases[0].ip as it must be an IP address: it is "a"',
      '9:39 error pod-network: Cannot use spec.schedulingGates[1].name as a gate must be given once: it is "a"',
    ],
  },
  {
    rule: "resources",
    name: "devices, which are given out whole",
    yaml: `apiVersion: v1
kind: Pod
metadata: {name: x}
spec:
  containers:
  - {name: a, image: "a:1", resources: {requests: {example.com/gpu: 1}}}
  - {name: b, image: "a:1", resources: {limits: {example.com/gpu: 2}, requests: {example.com/gpu: 1}}}
  - {name: c, image: "a:1", resources: {limits: {example.com/gpu: 500m}}}
`,
    expect: [
      '6:69 error resources: Cannot use spec.containers[0].resources.requests["example.com/gpu"] as it must have a limit that is equal: it is 1 (example.com/gpu is given out whole: nobody can use more than asked.)',
      "7:41 warning process-runtime-ignores: spec.containers[1].resources.limits is not enforced by the process runtime",
      '7:99 error resources: Cannot use spec.containers[1].resources.requests["example.com/gpu"] as it must be equal to its limit: it is 1 (example.com/gpu is given out whole: nobody can use more than asked.)',
      "8:41 warning process-runtime-ignores: spec.containers[2].resources.limits is not enforced by the process runtime",
      '8:67 error resources: Cannot use spec.containers[2].resources.limits["example.com/gpu"] as it must be a whole number: it is "500m"',
    ],
  },
  {
    rule: "persistent-volume",
    name: "a volume that is nothing and nowhere",
    yaml: `apiVersion: v1
kind: PersistentVolume
metadata: {name: x}
spec:
  capacity: {cpu: 1}
  local: {path: /a}
  hostPath: {path: /}
  persistentVolumeReclaimPolicy: Recycle
`,
    expect: [
      "4:1 error persistent-volume: Cannot use spec as accessModes must be given: it is missing (Most claims want [ReadWriteOnce].)",
      "4:1 error persistent-volume: Cannot use spec as it must have exactly one volume source: it has local, hostPath",
      "4:1 error persistent-volume: Cannot use spec as nodeAffinity must be given: it is missing (Name the node that has the disk.)",
      "5:3 error persistent-volume: Cannot use spec.capacity as storage must be given: it is missing (Say how much it holds, such as 10Gi.)",
      "5:14 error persistent-volume: Cannot use spec.capacity.cpu as a volume must have storage only: it is 1",
      '8:34 error persistent-volume: Cannot use spec.persistentVolumeReclaimPolicy as the host\'s root must not be emptied: it is "Recycle"',
    ],
  },
  {
    rule: "volume-claim",
    name: "a claim with two beginnings",
    yaml: `apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: x}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
  dataSource: {kind: VolumeSnapshot, name: a}
  dataSourceRef: {kind: PersistentVolumeClaim, name: b}
`,
    expect: [
      '7:15 error volume-claim: Cannot use spec.dataSource as it must match dataSourceRef: it is {"kind":"VolumeSnapshot","name":"a"} (Keep dataSourceRef alone.)',
      '7:22 error volume-claim: Cannot use spec.dataSource.kind as it must be PersistentVolumeClaim when no apiGroup is given: it is "VolumeSnapshot" (Name the apiGroup of the kind.)',
    ],
  },
];

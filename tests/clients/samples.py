"""One working object of each of two dozen kinds, to be mutated. Names and namespaces are put in by `sample`."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Obj = dict[str, Any]
FUZZ_NAMESPACE = "fuzz"


@dataclass(frozen=True)
class Sample:
    """A kind's manifest and where it lives."""

    api_version: str
    plural: str
    manifest: Obj
    namespaced: bool

    def collection(self, namespace: str) -> str:
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        middle = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}{middle}/{self.plural}"

    def path(self, namespace: str) -> str:
        return f"{self.collection(namespace)}/{self.manifest['metadata']['name']}"

    def object(self) -> Obj:
        return copy.deepcopy(self.manifest)


_TEXT = """
apiVersion: v1
kind: ConfigMap
metadata: {labels: {app: web}, annotations: {note: "a: b"}}
data: {a: "1", b: "two\\nlines"}
binaryData: {c: AAEC}
---
apiVersion: v1
kind: Secret
type: Opaque
data: {password: c2VjcmV0}
---
apiVersion: v1
kind: Pod
metadata: {labels: {app: alone}}
spec:
  schedulerName: nobody
  initContainers: [{name: prepare, image: "busybox:1", command: [sh, -c, "true"], restartPolicy: Always}]
  containers:
  - name: web
    image: nginx:1
    ports: [{name: http, containerPort: 80}, {containerPort: 53, protocol: UDP}]
    env: [{name: A, value: "1"}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
    resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
    readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 3}
    volumeMounts: [{name: data, mountPath: /data, readOnly: true}]
    securityContext: {runAsUser: 1000, capabilities: {drop: [ALL]}}
  volumes: [{name: data, emptyDir: {sizeLimit: 1Gi}}, {name: cfg, configMap: {name: a, items: [{key: a, path: b}]}}]
  tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: 3}]
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a]}]}]
  topologySpreadConstraints:
  - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: Service
spec: {selector: {app: web}, type: NodePort, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: ServiceAccount
imagePullSecrets: [{name: registry}]
---
apiVersion: v1
kind: PersistentVolumeClaim
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, storageClassName: none}
---
apiVersion: v1
kind: ResourceQuota
spec: {hard: {pods: "1000", requests.cpu: "1000"}}
---
apiVersion: v1
kind: LimitRange
spec: {limits: [{type: Container, max: {cpu: "64"}, default: {cpu: 100m}}]}
---
apiVersion: v1
kind: Endpoints
subsets: [{addresses: [{ip: 10.0.0.1}], ports: [{port: 80}]}]
---
apiVersion: v1
kind: Event
involvedObject: {kind: Pod, name: a, namespace: fuzz}
reason: Tested
message: "hello"
type: Normal
---
apiVersion: v1
kind: ReplicationController
spec:
  replicas: 0
  selector: {app: rc}
---
apiVersion: apps/v1
kind: Deployment
spec: {replicas: 0, selector: {matchLabels: {app: web}}, strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 1}}}
---
apiVersion: apps/v1
kind: StatefulSet
spec:
  replicas: 0
  serviceName: web
  selector: {matchLabels: {app: web}}
  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
apiVersion: apps/v1
kind: DaemonSet
spec: {selector: {matchLabels: {app: web}}}
---
apiVersion: apps/v1
kind: ReplicaSet
spec: {replicas: 0, selector: {matchExpressions: [{key: app, operator: In, values: [web]}]}}
---
apiVersion: batch/v1
kind: Job
spec: {suspend: true, backoffLimit: 3, completions: 2, completionMode: Indexed}
---
apiVersion: batch/v1
kind: CronJob
spec: {schedule: "*/5 * * * *", timeZone: Europe/Berlin, suspend: true, jobTemplate: {spec: {}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
spec:
  ingressClassName: none
  tls: [{hosts: [a.example.com], secretName: a}]
  rules:
  - host: a.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80, endPort: 90}]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
rules: [{apiGroups: [""], resources: [pods, pods/log], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: default, namespace: default}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
spec: {minAvailable: 50%, selector: {matchLabels: {app: web}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
  behavior: {scaleDown: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
addressType: IPv4
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]
ports: [{name: http, port: 80, protocol: TCP}]
---
apiVersion: coordination.k8s.io/v1
kind: Lease
spec: {holderIdentity: me, leaseDurationSeconds: 15, renewTime: "2026-01-02T03:04:05.000006Z"}
---
apiVersion: v1
kind: PersistentVolume
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /data}
  storageClassName: none
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a]}]}]}}
---
apiVersion: v1
kind: Node
spec: {unschedulable: true, taints: [{key: a, effect: NoSchedule}]}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
provisioner: example.com/none
parameters: {a: b}
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
value: 1000
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
webhooks:
- name: a.example.com
  clientConfig: {url: "https://127.0.0.1:1/none"}
  rules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nones]}]
  admissionReviewVersions: [v1]
  sideEffects: None
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
spec:
  priorityLevelConfiguration: {name: workload-low}
  matchingPrecedence: 9000
  rules:
  - subjects: [{kind: User, user: {name: nobody}}]
    nonResourceRules: [{verbs: [get], nonResourceURLs: [/none]}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: samples.fuzz.example.com}
spec:
  group: fuzz.example.com
  scope: Namespaced
  names: {plural: samples, singular: sample, kind: Sample, shortNames: [smp]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1, default: 3}
              replicas: {type: integer}
              port: {x-kubernetes-int-or-string: true}
              mode: {type: string, enum: [a, b], nullable: true}
              when: {type: string, format: date-time}
              any: {type: object, x-kubernetes-preserve-unknown-fields: true}
              tags: {type: object, additionalProperties: {type: string, maxLength: 5}}
              parts:
                type: array
                maxItems: 5
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, value: {type: number}}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""

_CUSTOM = """
apiVersion: fuzz.example.com/v1
kind: Sample
spec:
  size: 3
  replicas: 1
  port: http
  mode: a
  when: "2026-01-02T03:04:05Z"
  any: {x: [1, {y: 2}]}
  tags: {a: b}
  parts: [{name: a, value: 1.5}, {name: b}]
"""

_TEMPLATED = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}
_CLUSTER = {
    "PersistentVolume",
    "Node",
    "StorageClass",
    "PriorityClass",
    "ValidatingWebhookConfiguration",
    "FlowSchema",
    "CustomResourceDefinition",
}


def _template(**labels: str) -> Obj:
    return {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}


def _complete(manifest: Obj) -> Obj:
    """With a name, and with the Pod template where there must be one."""
    kind, spec = manifest["kind"], manifest.get("spec", {})
    manifest["metadata"] = {
        "name": f"fuzz-{kind.lower()}",
        "labels": {"fuzz": "yes"},
        **(manifest.get("metadata") or {}),
    }
    if kind in _TEMPLATED:
        spec["template"] = _template(app="web")
    elif kind == "ReplicationController":
        spec["template"] = _template(app="rc")
    elif kind in ("Job", "CronJob"):
        job = spec if kind == "Job" else spec["jobTemplate"]["spec"]
        job["template"] = _template()
        job["template"]["spec"]["restartPolicy"] = "Never"
    return manifest


def _plural(kind: str) -> str:
    special = {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies", "Endpoints": "endpoints"}
    return special.get(kind) or kind.lower() + ("es" if kind.endswith("ss") else "s")


def _sample(manifest: Obj) -> Sample:
    kind = manifest["kind"]
    return Sample(manifest["apiVersion"], _plural(kind), _complete(manifest), kind not in _CLUSTER)


SAMPLES: Mapping[str, Sample] = {manifest["kind"]: _sample(manifest) for manifest in yaml.safe_load_all(_TEXT)}
CUSTOM = _sample(yaml.safe_load(_CUSTOM))

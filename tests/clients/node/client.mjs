// Drives the server of $KUBECONFIG in the namespace given as argument; prints what it saw as JSON for the test to judge.
import * as k8s from '@kubernetes/client-node';

const namespace = process.argv[2];
const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const custom = config.makeApiClient(k8s.CustomObjectsApi);
const seen = {};

function named(name, data) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels: { from: 'node' } }, data };
}

function within(promise, what) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`no ${what} in time`)), 15000).unref());
  return Promise.race([promise, late]);
}

async function refused(action) {
  try {
    await action();
  } catch (error) {
    return { code: error.code, reason: JSON.parse(error.body).reason };
  }
  return null;
}

async function lists() {
  for (const name of ['a', 'b', 'c']) {
    await core.createNamespacedConfigMap({ namespace, body: named(name, { x: name }) });
  }
  const first = await core.listNamespacedConfigMap({ namespace, labelSelector: 'from=node', limit: 2 });
  const rest = await core.listNamespacedConfigMap({
    namespace, labelSelector: 'from=node', limit: 2, _continue: first.metadata._continue,
  });
  seen.pages = [first, rest].map((page) => page.items.map((item) => item.metadata.name));
  seen.again = await refused(() => core.createNamespacedConfigMap({ namespace, body: named('a', {}) }));
  seen.missing = await refused(() => core.readNamespacedConfigMap({ namespace, name: 'none' }));
}

async function informer() {
  const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: 'from=node' });
  const watching = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list, 'from=node');
  const events = [];
  let added, done;
  const filled = new Promise((resolve) => { added = resolve; });
  const deleted = new Promise((resolve) => { done = resolve; });
  watching.on('add', (item) => { events.push(['add', item.metadata.name]); if (events.length === 3) added(); });
  watching.on('update', (item) => events.push(['update', item.metadata.name, item.data.x]));
  watching.on('delete', (item) => { events.push(['delete', item.metadata.name]); done(); });
  watching.on('error', (error) => events.push(['error', String(error)]));
  await watching.start();
  await within(filled, 'first list');
  await core.replaceNamespacedConfigMap({ namespace, name: 'b', body: named('b', { x: 'changed' }) });
  await core.deleteNamespacedConfigMap({ namespace, name: 'c' });
  await within(deleted, 'deletion');
  seen.cached = watching.list().map((item) => item.metadata.name).sort();
  seen.events = [...events];
  await watching.stop();
}

async function apply() {
  const applied = named('a', { applied: 'yes' });
  const strategy = k8s.PatchStrategy.ServerSideApply;
  const result = await objects.patch(applied, undefined, undefined, 'node-test', false, strategy);
  seen.applied = result.data;
  seen.managers = result.metadata.managedFields.map((entry) => [entry.manager, entry.operation]).sort();
  const other = named('a', { applied: 'no' });
  seen.conflict = await refused(() => objects.patch(other, undefined, undefined, 'another', false, strategy));
  const merged = await objects.patch(
    named('a', { merged: 'yes' }), undefined, undefined, undefined, undefined, k8s.PatchStrategy.MergePatch,
  );
  seen.merged = merged.data;
}

async function customObjects() {
  const where = { group: 'node.example.com', version: 'v1', namespace, plural: 'gadgets' };
  const body = { apiVersion: 'node.example.com/v1', kind: 'Gadget', metadata: { name: 'g' }, spec: { size: 1 } };
  await custom.createNamespacedCustomObject({ ...where, body });
  seen.invalid = await refused(() => custom.createNamespacedCustomObject({
    ...where, body: { ...body, metadata: { name: 'h' }, spec: { size: 'big' } },
  }));
  const json = k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.JsonPatch);
  await custom.patchNamespacedCustomObject(
    { ...where, name: 'g', body: [{ op: 'replace', path: '/spec/size', value: 2 }] }, json,
  );
  const merge = k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch);
  await custom.patchNamespacedCustomObjectStatus({ ...where, name: 'g', body: { status: { ready: true } } }, merge);
  const listed = await custom.listNamespacedCustomObject(where);
  seen.gadgets = listed.items.map((item) => [item.metadata.name, item.spec, item.status]);
  await custom.deleteNamespacedCustomObject({ ...where, name: 'g' });
}

await lists();
await informer();
await apply();
await customObjects();
console.log(JSON.stringify(seen));

// A gRPC client of another make: node peer.mjs MODULES ADDRESS PROTOS. Exits with 0 and the names of what it checked.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const [modules, address, protos] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

// google.rpc, as far as the service uses it (google/rpc/status.proto, error_details.proto)
const rpc = protobuf.parse(`syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; }
  message BadRequest { message FieldViolation { string field = 1; string description = 2; } repeated FieldViolation field_violations = 1; }`,
  { keepCase: true }).root;
const { Images } = grpc.loadPackageDefinition(
  loader.loadSync('imageservice/v1/images.proto', { includeDirs: [protos], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true })).imageservice.v1;
const client = new Images(address, grpc.credentials.createInsecure());

const call = (name, request) => new Promise((resolve, reject) => client[name](request, (error, reply) => error ? reject(error) : resolve(reply)));

/** All events of a stream, and the error that ended it, if one did. */
const read = stream => new Promise(resolve => {
  const events = [];
  stream.on('data', event => events.push(event));
  stream.on('error', error => resolve({ events, error }));
  stream.on('end', () => resolve({ events }));
});

/** The error of a call that must fail, with its details by type. */
async function refusal(promise) {
  const error = await promise.then(() => assert.fail('The call succeeded.'), e => e);
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const details = {};
  for (const any of rpc.lookupType('google.rpc.Status').decode(bytes).details) {
    const type = any.type_url.split('/').pop();
    if (rpc.lookup(type)) details[type.split('.').pop()] = rpc.lookupType(type).decode(any.value);
  }
  return { code: error.code, details };
}

const small = { prompt: 'a red apple', width: 64, height: 64, num_inference_steps: 4, seed: 7, preview_every: 2 };
const endless = { ...small, num_inference_steps: 1000, num_images: 8, preview_every: 0 };
const checks = {
  async models() {
    const { models } = await call('ListModels', {});
    assert.ok(models.length > 0 && models[0].id);
  },
  async errors_name_their_fields() {
    const { code, details } = await refusal(call('Submit', { ...small, width: 7, num_inference_steps: 0 }));
    assert.equal(code, grpc.status.INVALID_ARGUMENT);
    assert.deepEqual(details.BadRequest.field_violations.map(v => v.field).sort(), ['num_inference_steps', 'width']);
    assert.equal(details.ErrorInfo.domain, 'imageservice');
  },
  async unknown_jobs_are_not_found() {
    const { code, details } = await refusal(call('Get', { id: 'job_00000000000000000000000000' }));
    assert.equal(code, grpc.status.NOT_FOUND);
    assert.equal(details.ErrorInfo.reason, 'job-not-found');
  },
  async generate_streams_to_the_end() {
    const { events, error } = await read(client.Generate(small));
    assert.equal(error, undefined);
    assert.deepEqual(events.map(e => e.sequence), events.map(e => e.sequence).sort((a, b) => a - b));
    assert.ok(events.some(e => e.preview && e.preview.content.length > 0));
    const { done } = events.at(-1);
    assert.equal(done.status, 'JOB_STATUS_SUCCEEDED');
    assert.equal(done.images[0].seed, 7);

    const replayed = await read(client.Watch({ id: done.id, after_sequence: events.at(-2).sequence }));
    assert.deepEqual(replayed.events.map(e => e.sequence), [events.at(-1).sequence]);
  },
  async one_key_is_one_job() {
    const request = { ...small, idempotency_key: `peer-${process.pid}-${Date.now()}` };
    const [first, second] = [await call('Submit', request), await call('Submit', request)];
    assert.equal(first.id, second.id);
    await read(client.Watch({ id: first.id }));
  },
  async a_cancelled_job_ends_for_its_watchers() {
    const job = await call('Submit', endless);
    const watching = read(client.Watch({ id: job.id }));
    assert.equal((await call('Cancel', { id: job.id })).status, 'JOB_STATUS_CANCELED');
    assert.equal((await watching).events.at(-1).done.status, 'JOB_STATUS_CANCELED');
  },
  async a_deadline_cancels_the_job() {
    const { events, error } = await read(client.Generate(endless, { deadline: Date.now() + 2000 }));
    assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
    assert.ok(events.length > 0);
    const last = (await read(client.Watch({ id: events[0].job_id }))).events.at(-1);
    assert.equal(last.done.status, 'JOB_STATUS_CANCELED');
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`not ok ${name}: ${error.stack}`);
    process.exitCode = 1;
  }
}
client.close();

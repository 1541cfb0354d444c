// The service's REST API, as this page needs it. Paths are relative, so that the page works behind a prefix.

/** A failure as the service describes it (RFC 9457), or as the network does. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? body.title ?? "The service could not be reached.");
    this.status = status;
    this.errors = body.errors ?? {};
  }
}

export const listModels = async () => (await call("v1/models")).data;
export const listSchedulers = async () => (await call("v1/schedulers")).schedulers;
export const listJobs = (before) => call(`v1/jobs?limit=24${before ? `&before=${encodeURIComponent(before)}` : ""}`);
export const cancelJob = (id) => call(`v1/jobs/${id}`, { method: "DELETE" });

/** @param {string} json the request, already written: seeds may be larger than JavaScript's numbers. */
export const submitJob = (json) => call("v1/jobs", {
  method: "POST",
  headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) },
  body: json,
});

/** Follows a job. The browser reconnects by itself and goes on after the last event it saw. */
export function watchJob(id, { progress, preview, ended, lost }) {
  const source = new EventSource(`v1/jobs/${id}/events`);
  source.addEventListener("progress", (e) => progress(parse(e.data)));
  source.addEventListener("preview", (e) => preview(parse(e.data)));
  for (const name of ["succeeded", "failed", "canceled"]) {
    source.addEventListener(name, (e) => {
      source.close();
      ended(parse(e.data));
    });
  }
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) lost();
  });
  return () => source.close();
}

/** An address of the service as seen from this page, wherever a proxy has put both. */
export const relative = (url) => url.slice(url.indexOf("/v1/") + 1);

async function call(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Problem(0, {});
  }
  const body = parse(await response.text());
  if (!response.ok) throw new Problem(response.status, body);
  return body;
}

/** Seeds are up to 2^63-1 and JavaScript's numbers exact to 2^53 only: they are kept as the digits that came. */
function parse(text) {
  try {
    return JSON.parse(text.replace(/"seed":(\d+)/g, '"seed":"$1"'));
  } catch {
    return {};
  }
}

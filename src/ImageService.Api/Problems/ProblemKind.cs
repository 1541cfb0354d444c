namespace ImageService.Api.Problems;

/// <summary>A kind of failure that clients can tell apart: the <c>type</c>, <c>status</c> and <c>title</c> of RFC 9457.</summary>
/// <param name="Name">Stable, kebab-case.</param>
/// <param name="Status">HTTP status.</param>
/// <param name="Title">Same for every occurrence.</param>
internal sealed record ProblemKind(string Name, int Status, string Title)
{
    public static readonly ProblemKind InvalidRequest = new("invalid-request", 400, "The request is not valid");
    public static readonly ProblemKind InvalidJson = new("invalid-json", 400, "The body is not valid JSON");
    public static readonly ProblemKind NotFound = new("not-found", 404, "There is nothing at this address");
    public static readonly ProblemKind JobNotFound = new("job-not-found", 404, "There is no such job");
    public static readonly ProblemKind ImageNotFound = new("image-not-found", 404, "There is no such image");
    public static readonly ProblemKind ImageNotReady = new("image-not-ready", 404, "The image is not finished yet");
    public static readonly ProblemKind ModelNotFound = new("model-not-found", 404, "There is no such model");
    public static readonly ProblemKind MethodNotAllowed = new("method-not-allowed", 405, "This address does not take that method");
    public static readonly ProblemKind JobGone = new("job-gone", 410, "The job has been removed");
    public static readonly ProblemKind BodyTooLarge = new("body-too-large", 413, "The body is too large");
    public static readonly ProblemKind NotJson = new("unsupported-media-type", 415, "The body must be JSON");
    public static readonly ProblemKind KeyReused = new("idempotency-key-reused", 422, "The idempotency key came before with another request");
    public static readonly ProblemKind TooManyJobs = new("too-many-jobs", 429, "Too many jobs of this client are waiting");
    public static readonly ProblemKind Internal = new("internal-error", 500, "The service failed");
    public static readonly ProblemKind QueueFull = new("queue-full", 503, "The queue is full");
    public static readonly ProblemKind NoModel = new("no-model", 503, "No model is ready");
    public static readonly ProblemKind StoreUnavailable = new("store-unavailable", 503, "The job store cannot be reached");
    public static readonly ProblemKind BlobsUnavailable = new("blobs-unavailable", 503, "The image store cannot be reached");
    public static readonly ProblemKind Stopping = new("stopping", 503, "This replica stops");

    public string Type => "urn:imageservice:problem:" + Name;
}

using System.Numerics.Tensors;
using System.Text;
using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Onnx;
using ImageService.Tests;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace ImageService.Worker.Tests;

/// <summary>A picture must not depend on its neighbours, on real kernels too: ONNX Runtime's CPU provider, a tiny U-Net.</summary>
public sealed class MixedBatchTests : IModelSource, IDisposable
{
    private const float Tolerance = 1e-5f;
    private const int LongEvery = 4;
    private static readonly string[] Schedulers = ["euler", "euler_a", "ddim", "pndm", "heun", "dpmpp_2m_karras", "dpmpp_2m_sde", "unipc", "lcm"];
    private readonly string _folder = Directory.CreateTempSubdirectory("imageservice-mixed-").FullName;
    // Who is admitted when must not depend on how fast the machine is: on a clock that stands, everything is in time and only turns count.
    private readonly FakeTimeProvider _standing = new();
    private readonly OnnxModels _models;
    private readonly IDiffusionModel _model;

    public MixedBatchTests()
    {
        GoldenFolder.CopyModel("tiny-sd15", _folder);
        var options = new OnnxOptions { Models = { Path = _folder }, Execution = { Provider = "cpu", IntraOpThreads = 1 } };
        _models = new OnnxModels(Options.Create(options), NullLogger<OnnxModels>.Instance);
        _model = _models.Load("tiny-sd15");
    }

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>
    /// Schedulers, steps, guidance, seeds, sizes of the job, joins, cancels, pauses, and jobs that are saved and go on in another engine. With "exact" the file
    /// is the same to the byte.
    /// </summary>
    [Fact]
    public void In_two_hundred_crowds_every_picture_is_the_picture_alone()
    {
        var random = new Random(1);
        var requests = Enumerable.Range(0, 24).Select(i => Request(random, i)).ToList();
        var alone = requests.ConvertAll(request => Draw(Engine(maxRows: 2, []), request));
        var (pauses, exact) = (0, 0);
        for (var crowd = 0; crowd < 200; crowd++)
        {
            foreach (var (which, drawn) in DrawCrowd(random, requests))
            {
                Assert.True(drawn.Pictures.Count == requests[which].NumImages, $"crowd {crowd}: a picture of {requests[which]} is missing");
                pauses += drawn.Job.Tasks.Sum(t => t.Pauses);
                foreach (var (index, picture) in drawn.Pictures)
                {
                    Assert.InRange(TensorPrimitives.Distance<float>(drawn.Job.Tasks[index].Latents, alone[which].Job.Tasks[index].Latents), 0, Tolerance);
                    if (requests[which].Determinism != Determinism.Exact)
                        continue;
                    exact++;
                    Assert.Equal(File(alone[which], index), File(drawn, index));
                }
            }
        }
        Assert.True(pauses > 20, $"{pauses} pauses");
        Assert.True(exact > 100, $"{exact} exact pictures");
    }

    [Fact]
    public void A_file_tells_what_its_exactness_depends_on()
    {
        var request = Request(new Random(1), 0) with { Determinism = Determinism.Exact, GuidanceScale = 1 };
        var drawn = Draw(Engine(maxRows: 2, []), request);
        var record = Encoding.UTF8.GetString(File(drawn, 0).Span);

        Assert.Contains("\"determinism\":\"exact\"", record, StringComparison.Ordinal);
        Assert.Contains("\"rows\":2", record, StringComparison.Ordinal);
        Assert.Contains(_models.Provider, record, StringComparison.Ordinal);
        Assert.Contains(_models.RuntimeVersion, record, StringComparison.Ordinal);
        Assert.Contains(_model.Info.Description.Hash!, record, StringComparison.Ordinal);
    }

    private Dictionary<int, Drawn> DrawCrowd(Random random, List<GenerationRequest> requests)
    {
        var engine = Engine(maxRows: random.Next(2, 7), random.Next(2) == 0 ? [] : RowPolicy.DeviceSizes);
        var arrivals = Arrivals(random, requests);
        var crowd = new Dictionary<int, Drawn>();
        for (var turn = 0; arrivals.Count > 0 || engine.HasWork; turn++)
        {
            while (arrivals.TryPeek(out var next) && next.Turn <= turn)
                crowd[next.Which] = Add(engine, requests[arrivals.Dequeue().Which]);
            if (crowd.Count > 0 && random.Next(20) == 0)
            {
                var who = crowd.Keys.ElementAt(random.Next(crowd.Count));
                if (random.Next(3) == 0)
                {
                    engine.Cancel(crowd[who].Job);
                    crowd.Remove(who);
                }
                else if (crowd[who].Pictures.Count == 0 && engine.Save(crowd[who].Job) is { } state)
                {
                    crowd[who] = Add(engine, requests[who], state);
                }
            }
            engine.Turn();
        }
        return crowd;
    }

    // A long job, and others that come while it runs, two turns apart at most.
    private static Queue<(int Turn, int Which)> Arrivals(Random random, List<GenerationRequest> requests)
    {
        var turn = 0;
        var arrivals = new Queue<(int, int)>();
        foreach (var which in Enumerable.Range(0, 3).Select(i => i == 0 ? LongEvery * random.Next(requests.Count / LongEvery) : random.Next(requests.Count)).Distinct())
        {
            arrivals.Enqueue((turn, which));
            turn += random.Next(3);
        }
        return arrivals;
    }

    private ReadOnlyMemory<byte> File(Drawn drawn, int index) =>
        new PngFormat(_models.Provider, _models.RuntimeVersion).Format.Encode(drawn.Pictures[index], drawn.Job.Request);

    ModelAvailability IModelSource.Find(string id, Func<IDiffusionModel, bool> inUse, out IDiffusionModel? model)
    {
        model = _model;
        return ModelAvailability.Ready;
    }

    private DenoiseEngine Engine(int maxRows, IReadOnlyList<int> sizes) =>
        new(new RowPolicy { Budget = _ => maxRows, Sizes = sizes }, JobPreparation.Create(), this, _standing);

    private static Drawn Draw(DenoiseEngine engine, GenerationRequest request)
    {
        var drawn = Add(engine, request);
        while (engine.HasWork)
            engine.Turn();
        return drawn;
    }

    // Every job is of another client: only then does a shorter one pass.
    private static Drawn Add(DenoiseEngine engine, GenerationRequest request, ReadOnlyMemory<byte> state = default)
    {
        var drawn = new Drawn(request, state);
        engine.Add(drawn.Job);
        return drawn;
    }

    private static GenerationRequest Request(Random random, int index) => new()
    {
        Model = "tiny-sd15",
        Prompt = $"picture number {random.Next(100)}",
        Width = 32,
        Height = 32,
        NumInferenceSteps = index % LongEvery == 0 ? 14 : random.Next(2, 6),
        GuidanceScale = random.Next(3) * 3.75f,
        GuidanceRescale = random.Next(2) * 0.7f,
        Scheduler = Schedulers[random.Next(Schedulers.Length)],
        Seed = 100 + index,
        NumImages = index % 7 == 0 ? 2 : 1,
        Determinism = index % 3 == 0 ? Determinism.Exact : Determinism.Fast,
    };

    private sealed class Drawn : IDenoiseListener
    {
        public Drawn(GenerationRequest request, ReadOnlyMemory<byte> state) => Job = new DenoiseJob(request, this, state) { Client = $"client {request.Seed}" };

        public DenoiseJob Job { get; }
        public SortedDictionary<int, DecodedPicture> Pictures { get; } = [];
        public void Progress(int step, int steps) { }
        public void Preview(PreviewLatents preview) { }
        public void Picture(DecodedPicture picture) => Pictures.Add(picture.Index, picture);
        public void Finished(DenoiseSummary summary) => Assert.Empty(summary.Warnings);
        public void Failed(DenoiseFailure failure) => Assert.Fail(failure.Message);
    }
}

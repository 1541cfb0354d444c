using ImageService.Core;
using ImageService.Diffusion;
using ImageService.Diffusion.Denoise;
using ImageService.Onnx;
using ImageService.Tests;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ImageService.Worker.Tests;

/// <summary>A picture must not depend on its neighbours, on real kernels too: ONNX Runtime's CPU provider, a tiny U-Net.</summary>
public sealed class MixedBatchTests : IModelSource, IDisposable
{
    private const double Tolerance = 1e-5;
    private static readonly string[] Schedulers = ["euler", "euler_a", "ddim", "pndm", "dpmpp_2m", "dpmpp_2m_karras"];
    private readonly string _folder = Directory.CreateTempSubdirectory("imageservice-mixed-").FullName;
    private readonly IDiffusionModel _model;

    public MixedBatchTests()
    {
        GoldenFolder.CopyModel("tiny-sd15", _folder);
        var options = new OnnxOptions { Models = { Path = _folder }, Execution = { Provider = "cpu" } };
        _model = new OnnxModels(Options.Create(options), NullLogger<OnnxModels>.Instance).Load("tiny-sd15");
    }

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void A_job_in_a_crowd_has_the_latents_of_the_job_alone(int seed, bool padded)
    {
        var random = new Random(seed);
        var requests = Enumerable.Range(0, 10).Select(i => Request(random, i)).ToList();
        var crowd = Engine(maxRows: 6, padded ? RowPolicy.DeviceSizes : []);
        var jobs = new List<DenoiseJob>();
        while (jobs.Count < requests.Count || crowd.HasWork)
        {
            while (jobs.Count < requests.Count && random.Next(3) == 0)
                jobs.Add(Add(crowd, requests[jobs.Count]));
            crowd.Turn();
        }
        Assert.Contains(jobs, job => job.Tasks[0].MostRows > 4);
        foreach (var job in jobs)
        {
            var alone = Engine(maxRows: 2, []);
            var expected = Add(alone, job.Request);
            while (alone.HasWork)
                alone.Turn();
            var differences = expected.Tasks[0].Latents.Zip(job.Tasks[0].Latents, (a, b) => Math.Abs(a - b));
            Assert.Equal(0, differences.Max(), Tolerance);
        }
    }

    ModelAvailability IModelSource.Find(string id, Func<IDiffusionModel, bool> inUse, out IDiffusionModel? model)
    {
        model = _model;
        return ModelAvailability.Ready;
    }

    private DenoiseEngine Engine(int maxRows, IReadOnlyList<int> sizes) =>
        new(new RowPolicy { Budget = _ => maxRows, Sizes = sizes }, JobPreparation.Create(), this, TimeProvider.System);

    private static DenoiseJob Add(DenoiseEngine engine, GenerationRequest request)
    {
        var job = new DenoiseJob(request, new Deaf());
        engine.Add(job);
        return job;
    }

    private static GenerationRequest Request(Random random, int index) => new()
    {
        Model = "tiny-sd15",
        Prompt = $"picture number {random.Next(100)}",
        Width = 64,
        Height = 64,
        NumInferenceSteps = random.Next(4, 16),
        GuidanceScale = random.Next(3) * 3.75f,
        GuidanceRescale = random.Next(2) * 0.7f,
        Scheduler = Schedulers[random.Next(Schedulers.Length)],
        Seed = 100 + index,
    };

    private sealed class Deaf : IDenoiseListener
    {
        public void Progress(int step, int steps) { }
        public void Preview(PreviewLatents preview) { }
        public void Picture(DecodedPicture picture) { }
        public void Finished(DenoiseSummary summary) { }
        public void Failed(DenoiseFailure failure) => Assert.Fail(failure.Message);
    }
}

using ImageService.Core;
using ImageService.Onnx.Tests.Golden;

namespace ImageService.Onnx.Tests;

/// <summary>A picture does not depend on its neighbours in the batch.</summary>
[Collection(GoldenModel.OneUserAtATime)]
public sealed class BatchingTests
{
    private const float MostInLatents = 1e-5f;

    public static TheoryData<string> TextToImage => ["tiny-sd15", "tiny-sd21-v", "tiny-sdxl", "tiny-sd15-scalar-timestep"];

    [Theory]
    [MemberData(nameof(TextToImage))]
    public void Rows_of_a_mixed_batch_equal_the_pictures_alone(string model)
    {
        var requests = Requests(model).ToList();
        var together = DrawTogether(model, requests);
        foreach (var (request, mixed) in requests.Zip(together))
        {
            var alone = new Drawing(GoldenModel.Get(model)).Draw(request);
            Assert.Null(alone.Failure);
            Assert.Null(mixed.Failure);
            foreach (var (index, picture) in alone.Pictures)
                Assert.InRange(Deviation(picture.Latents, mixed.Pictures[index].Latents), 0, MostInLatents);
        }
    }

    [Theory]
    [MemberData(nameof(TextToImage))]
    public void Exact_pictures_are_equal_to_the_last_bit_whatever_their_neighbours(string model)
    {
        var requests = Requests(model).Select(r => r with { Determinism = Determinism.Exact }).ToList();
        var together = DrawTogether(model, requests);
        foreach (var (request, mixed) in requests.Zip(together))
        {
            var alone = new Drawing(GoldenModel.Get(model)).Draw(request);
            foreach (var (index, picture) in alone.Pictures)
                Assert.Equal(picture.Latents, mixed.Pictures[index].Latents);
        }
    }

    [Fact]
    public void Picture_i_of_several_is_the_picture_of_the_seed_i_further_on()
    {
        var request = Request("tiny-sd15", "a lake", "euler_a", 5, 7.5f, 40);
        var several = new Drawing(GoldenModel.Get("tiny-sd15")).Draw(request with { NumImages = 3 });
        for (var i = 0; i < 3; i++)
        {
            var alone = new Drawing(GoldenModel.Get("tiny-sd15")).Draw(request with { Seed = 40 + i });
            Assert.InRange(Deviation(alone.Pictures[0].Latents, several.Pictures[i].Latents), 0, MostInLatents);
        }
    }

    // Jobs that join at different turns, of different schedulers, step counts, guidance and seeds.
    private static List<Drawing.Listener> DrawTogether(string model, IEnumerable<GenerationRequest> requests)
    {
        var drawing = new Drawing(GoldenModel.Get(model));
        var listeners = new List<Drawing.Listener>();
        foreach (var request in requests)
        {
            listeners.Add(drawing.Add(request));
            drawing.Turn();
        }
        for (var turns = 0; drawing.Turn(); turns++)
            Assert.True(turns < 500, "The jobs do not come to an end.");
        return listeners;
    }

    private static IEnumerable<GenerationRequest> Requests(string model) =>
    [
        Request(model, "a red house", "euler", 6, 7.5f, 1),
        Request(model, "a boat", "ddim", 4, 1, 2),
        Request(model, "an old tree by a lake", "dpmpp_2m", 5, 4, 3),
        Request(model, "", "heun", 3, 2, 4),
        Request(model, "two birds", "euler_a", 5, 1, 5) with { NumImages = 2 },
    ];

    private static GenerationRequest Request(string model, string prompt, string scheduler, int steps, float guidance, long seed) => new()
    {
        Model = model,
        Prompt = prompt,
        Width = 64,
        Height = 64,
        Scheduler = scheduler,
        NumInferenceSteps = steps,
        GuidanceScale = guidance,
        Seed = seed,
    };

    private static float Deviation(float[] a, float[] b) => a.Zip(b, (x, y) => MathF.Abs(x - y)).Max();
}

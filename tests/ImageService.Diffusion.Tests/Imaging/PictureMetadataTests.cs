using System.Text.Json;
using System.Xml.Linq;
using ImageService.Core;
using ImageService.Diffusion.Imaging;
using ImageService.Testing;

namespace ImageService.Diffusion.Tests.Imaging;

public sealed class PictureMetadataTests
{
    private static readonly PictureOrigin Origin = new("cpu", "1.31.1", 8);

    private static readonly GenerationRequest Request = new()
    {
        Model = "starter",
        Prompt = "a red apple",
        Width = 256,
        Height = 320,
        NumInferenceSteps = 20,
        GuidanceScale = 7.5f,
        Scheduler = "dpmpp_2m_karras",
        Seed = 41,
        NumImages = 4,
    };

    private static readonly ModelDescription Model = FakeDescription.Model with { Id = "starter", DefaultGuidanceScale = 7, Hash = "0123456789abcdef" };

    [Fact]
    public void Parameters_are_those_of_A1111()
    {
        Assert.Equal("a red apple\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 43, Size: 256x320, Model hash: 0123456789, Model: starter, RNG: CPU, "
            + $"Version: ImageService {PictureMetadata.Version}", Parameters(Request, index: 2));
    }

    [Fact]
    public void Parameters_name_what_differs_from_the_plain_case()
    {
        var request = Request with
        {
            Prompt = "two\nlines",
            NegativePrompt = "a blue (pear)",
            Scheduler = "DDIMScheduler",
            GuidanceScale = 7,
            Image = "jobs/1/input/image.rgb",
            Strength = 0.75f,
            ClipSkip = 1,
            Rng = NoiseSource.Philox,
        };

        Assert.Equal("two\nlines\nNegative prompt: a blue (pear)\nSteps: 20, Sampler: DDIM, CFG scale: 7, Seed: 41, Size: 256x320, Model hash: 0123456789, Model: starter, "
            + $"Denoising strength: 0.75, Clip skip: 2, RNG: NV, Emphasis: None, Version: ImageService {PictureMetadata.Version}", Parameters(request, index: 0));
    }

    [Fact]
    public void A_value_with_a_separator_is_quoted_as_JSON()
    {
        var texts = PictureMetadata.Texts(Request, 0, Model with { Id = "my: \"é\", model" }, Origin);

        Assert.Contains("""Model: "my: \"é\", model", RNG""", texts[0].Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("euler", "Sampler: Euler, Schedule type: Uniform,")]
    [InlineData("euler_a", "Sampler: Euler a, CFG")]
    [InlineData("dpm2_a_exponential", "Sampler: DPM2 a, Schedule type: Exponential,")]
    [InlineData("unipc", "Sampler: UniPC, Schedule type: Uniform,")]
    [InlineData("ddpm", "Sampler: ddpm, CFG")]
    public void Samplers_carry_the_label_of_A1111(string scheduler, string expected) =>
        Assert.Contains(expected, Parameters(Request with { Scheduler = scheduler }, 0), StringComparison.Ordinal);

    [Fact]
    public void The_record_is_a_request_for_this_picture_alone_and_what_it_was_drawn_on()
    {
        var request = Request with { Prompt = "猫", Metadata = new Dictionary<string, string> { ["customer"] = "42" }, PromptSyntax = PromptSyntax.A1111, Determinism = Determinism.Exact };

        using var record = JsonDocument.Parse(PictureMetadata.Texts(request, 3, Model, Origin)[1].Text);

        Assert.Equal("""{"model":"starter","prompt":"猫","negative_prompt":"","width":256,"height":320,"num_inference_steps":20,"guidance_scale":7.5,"guidance_rescale":0,"scheduler":"dpmpp_2m_karras","seed":44,"rng":"mt19937","num_images":1,"prompt_syntax":"a1111","output_format":"png","determinism":"exact"}""",
            record.RootElement.GetProperty("request").GetRawText());
        Assert.Equal(("0123456789abcdef", "cpu", "1.31.1", 8, "exact", 0), (record.RootElement.GetProperty("model_hash").GetString(), record.RootElement.GetProperty("provider").GetString(),
            record.RootElement.GetProperty("runtime_version").GetString(), record.RootElement.GetProperty("rows").GetInt32(), record.RootElement.GetProperty("determinism").GetString(),
            record.RootElement.GetProperty("needs").GetArrayLength()));
    }

    [Fact]
    public void The_record_names_the_pictures_it_needs_and_not_where_they_lie()
    {
        var text = PictureMetadata.Texts(Request with { Image = "jobs/1/input/image.rgb", MaskImage = "jobs/1/input/mask.gray", Strength = 0.5f }, 0, Model, Origin)[1].Text;

        Assert.Contains("""
            "needs":["image","mask_image"]
            """, text, StringComparison.Ordinal);
        Assert.Contains("\"strength\":0.5", text, StringComparison.Ordinal);
        Assert.DoesNotContain("jobs/1", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_XMP_packet_says_that_a_trained_model_made_the_picture()
    {
        var xmp = PictureMetadata.Texts(Request, 0, Model, Origin)[2];

        var source = XDocument.Parse(xmp.Text).Descendants(XName.Get("DigitalSourceType", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/")).Single();
        Assert.Equal("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia", source.Value);
        Assert.Equal("XML:com.adobe.xmp", xmp.Keyword);
    }

    [Theory]
    [InlineData("a café", "tEXt")]
    [InlineData("猫", "iTXt")]
    public void A_file_carries_all_three_texts(string prompt, string parametersType)
    {
        var texts = PictureMetadata.Texts(Request with { Prompt = prompt }, 0, Model, Origin);

        var png = PngFile.Read(PngEncoder.Encode(1, 1, [1, 2, 3], texts).Span);

        Assert.Equal([(parametersType, "parameters"), ("iTXt", "imageservice"), ("iTXt", "XML:com.adobe.xmp")], png.Texts.Select(t => (t.Type, t.Keyword)));
        Assert.Equal(texts.Select(t => t.Text), png.Texts.Select(t => t.Text));
    }

    private static string Parameters(GenerationRequest request, int index) => PictureMetadata.Texts(request, index, Model, Origin)[0].Text;
}

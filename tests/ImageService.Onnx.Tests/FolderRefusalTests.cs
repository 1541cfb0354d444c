using System.Text.Json.Nodes;
using ImageService.Onnx.Folder;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

/// <summary>Damage that a download or a copy does to a folder, and parts of other models in it: refused before any weights are loaded.</summary>
public sealed class FolderRefusalTests
{
    [Theory]
    [InlineData("model_index.json")]
    [InlineData("unet/config.json")]
    [InlineData("scheduler/scheduler_config.json")]
    [InlineData("tokenizer/vocab.json")]
    [InlineData("tokenizer/tokenizer_config.json")]
    [InlineData("unet/model.onnx")]
    [InlineData("text_encoder/model.onnx")]
    [InlineData("vae_decoder/model.onnx")]
    [InlineData("vae_encoder/model.onnx")]
    public void A_file_cut_short_is_named(string file)
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        var content = File.ReadAllBytes(folder[file]);
        File.WriteAllBytes(folder[file], content[..(content.Length * 2 / 3)]);
        Refused(folder, file);
    }

    [Theory]
    [InlineData("model_index.json", "imageservice_defaults", "\"fast\"")]
    [InlineData("model_index.json", "_class_name", "7")]
    [InlineData("scheduler/scheduler_config.json", "_class_name", "\"FlowMatchEulerDiscreteScheduler\"")]
    [InlineData("scheduler/scheduler_config.json", "beta_start", "\"small\"")]
    [InlineData("unet/config.json", "in_channels", "9")]
    [InlineData("vae_decoder/config.json", "latent_channels", "true")]
    public void A_wrong_value_is_named(string file, string field, string value)
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        folder.Set(file, field, JsonNode.Parse(value));
        // What the configuration claims and the graph denies is told of the graph.
        Refused(folder, field == "in_channels" ? "unet/model.onnx" : file, field);
    }

    [Theory]
    [InlineData("tiny-sdxl", "unet/model.onnx", "unet/model.onnx", "encoder_hidden_states")]
    [InlineData("tiny-sd15-inpaint", "unet/model.onnx", "unet/model.onnx", "sample")]
    [InlineData("tiny-sd15", "vae_encoder/model.onnx", "vae_decoder/model.onnx", "channels")]
    [InlineData("tiny-sd15", "unet/model.onnx", "text_encoder/model.onnx", "input_ids")]
    public void A_graph_of_another_model_is_refused(string from, string source, string target, string named)
    {
        using var folder = TemporaryModel.Copy("tiny-sd21-v");
        using var other = TemporaryModel.Copy(from);
        File.Copy(other[source], folder[target], overwrite: true);
        Refused(folder, target, named);
    }

    [Fact]
    public void Weights_cut_short_in_a_file_of_their_own_are_refused()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteUNet(folder["unet/model.onnx"], TensorElementType.Float, TensorElementType.Float, externalFile: "weights.0.bin");
        File.WriteAllBytes(folder["unet/weights.0.bin"], TinyOnnx.One(TensorElementType.Float)[..3]);
        Refused(folder, "unet/weights.0.bin", "has 3 bytes");
    }

    [Theory]
    [InlineData("../vae_decoder/model.onnx")]
    [InlineData("/etc/hostname")]
    public void Weights_outside_the_folder_are_refused(string place)
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteUNet(folder["unet/model.onnx"], TensorElementType.Float, TensorElementType.Float, externalFile: place);
        Refused(folder, "unet/model.onnx", place);
    }

    [Fact]
    public void An_inpainting_model_needs_its_VAE_encoder()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15-inpaint");
        Directory.Delete(folder["vae_encoder"], recursive: true);
        Refused(folder, "vae_encoder/model.onnx", "is missing");
    }

    private static void Refused(TemporaryModel folder, params string[] parts)
    {
        var message = Assert.Throws<ModelFolderException>(() => ModelFolder.Read(folder.Path)).Message;
        TestContext.Current.TestOutputHelper?.WriteLine(message);
        Assert.Contains(folder.Path, message);
        Assert.DoesNotContain('\n', message);
        Assert.EndsWith(".", message);
        Assert.All(parts, p => Assert.Contains(p, message));
    }
}

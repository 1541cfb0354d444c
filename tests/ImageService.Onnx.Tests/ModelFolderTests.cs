using System.Text.Json.Nodes;
using ImageService.Core;
using ImageService.Onnx.Folder;
using ImageService.Onnx.Tests.Golden;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace ImageService.Onnx.Tests;

public sealed class ModelFolderTests
{
    [Theory]
    [InlineData("tiny-sd15", ModelFamily.StableDiffusion1, "pndm", false, 3, 7.5f)]
    [InlineData("tiny-sd15-inpaint", ModelFamily.StableDiffusion1, "pndm", true, 3, 7.5f)]
    [InlineData("tiny-sd15-scalar-timestep", ModelFamily.StableDiffusion1, "pndm", false, 3, 7.5f)]
    [InlineData("tiny-sd21-v", ModelFamily.StableDiffusion2, "ddim", false, 3, 7.5f)]
    [InlineData("tiny-sdxl", ModelFamily.StableDiffusionXl, "euler", false, 2, 5f)]
    public void A_folder_tells_what_it_is(string name, ModelFamily family, string scheduler, bool requiresMask, int maxClipSkip, float guidance)
    {
        using var folder = TemporaryModel.Copy(name);
        var info = ModelFolder.Read(folder.Path).Info;
        var description = info.Description;
        Assert.Equal((name, family, scheduler, requiresMask, maxClipSkip), (description.Id, description.Family, description.DefaultScheduler, description.RequiresMask, description.MaxClipSkip));
        Assert.Equal((64, 64, 30, guidance, 16), (description.DefaultWidth, description.DefaultHeight, description.DefaultSteps, description.DefaultGuidanceScale, description.SizeMultiple));
        Assert.Equal((4, 8, 0.18215f, requiresMask ? 9 : 4), (info.LatentChannels, info.VaeScale, info.ScalingFactor, info.UNetChannels));
        Assert.Equal(family == ModelFamily.StableDiffusionXl ? (32, 2, true) : (0, 1, false), (info.PooledSize, info.TextEncoders.Count, info.ForceZerosForEmptyPrompt));
        Assert.Equal(77, description.ContextLength);
        Assert.True(description.SupportsImageToImage);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(folder["unet/model.onnx"]))), description.Hash);
    }

    [Fact]
    public void Defaults_of_its_own_come_first()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        folder.Set("model_index.json", "imageservice_defaults", JsonNode.Parse(
            """{"width": 96, "height": 32, "num_inference_steps": 12, "guidance_scale": 3, "guidance_rescale": 0.7, "scheduler": "DPM++ 2M Karras"}"""));
        var description = ModelFolder.Read(folder.Path).Info.Description;
        Assert.Equal((96, 32, 12, 3f, 0.7f, "dpmpp_2m_karras"), (description.DefaultWidth, description.DefaultHeight, description.DefaultSteps,
            description.DefaultGuidanceScale, description.DefaultGuidanceRescale, description.DefaultScheduler));
    }

    [Fact]
    public void Few_steps_without_guidance_for_distilled_models()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        folder.Set("scheduler/scheduler_config.json", "_class_name", "LCMScheduler");
        var description = ModelFolder.Read(folder.Path).Info.Description;
        Assert.Equal((4, 1f, "lcm"), (description.DefaultSteps, description.DefaultGuidanceScale, description.DefaultScheduler));
    }

    [Fact]
    public void A_guidance_embedding_is_the_U_Nets_own()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteUNet(folder["unet/model.onnx"], TensorElementType.Float, TensorElementType.Float, extraInput: "timestep_cond");
        Refused(folder, "time_cond_proj_dim");
        folder.Set("unet/config.json", "time_cond_proj_dim", 256);
        var info = ModelFolder.Read(folder.Path).Info;
        Assert.Equal((256, 4, 8.5f), (info.GuidanceEmbeddingSize, info.Description.DefaultSteps, info.Description.DefaultGuidanceScale));
    }

    [Fact]
    public void Weights_in_files_of_their_own_are_looked_for_and_hashed()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteUNet(folder["unet/model.onnx"], TensorElementType.Float, TensorElementType.Float, externalFile: "weights.0.bin");
        Refused(folder, "weights.0.bin", "is missing");
        File.WriteAllBytes(folder["unet/weights.0.bin"], TinyOnnx.One(TensorElementType.Float));
        var model = ModelFolder.Read(folder.Path);
        var both = File.ReadAllBytes(folder["unet/model.onnx"]).Concat(TinyOnnx.One(TensorElementType.Float)).ToArray();
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(both)), model.Info.Description.Hash);
        using var session = GoldenModel.Cpu.Open(model.UNet.Graph.Path);
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void An_absent_negative_prompt_of_SDXL_is_zeros_unless_the_folder_says_otherwise(bool? said, bool zeros)
    {
        using var folder = TemporaryModel.Copy("tiny-sdxl");
        folder.Set("model_index.json", "force_zeros_for_empty_prompt", said);
        Assert.Equal(zeros, ModelFolder.Read(folder.Path).Info.ForceZerosForEmptyPrompt);
    }

    [Fact]
    public void A_folder_without_encoder_draws_from_text_only()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        Directory.Delete(folder["vae_encoder"], recursive: true);
        Assert.False(ModelFolder.Read(folder.Path).Info.Description.SupportsImageToImage);
    }

    [Fact]
    public void The_autoencoders_configuration_may_lie_in_vae()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        Directory.CreateDirectory(folder["vae"]);
        File.Move(folder["vae_decoder/config.json"], folder["vae/config.json"]);
        folder.Set("vae/config.json", "scaling_factor", 0.5f);
        Assert.Equal(0.5f, ModelFolder.Read(folder.Path).Info.ScalingFactor);
    }

    [Theory]
    [InlineData("model_index.json")]
    [InlineData("scheduler/scheduler_config.json")]
    [InlineData("tokenizer/vocab.json")]
    [InlineData("tokenizer/merges.txt")]
    [InlineData("text_encoder/model.onnx")]
    [InlineData("text_encoder/config.json")]
    [InlineData("text_encoder_2/model.onnx")]
    [InlineData("unet/model.onnx")]
    [InlineData("unet/config.json")]
    [InlineData("vae_decoder/model.onnx")]
    [InlineData("vae_decoder/config.json")]
    [InlineData("vae_encoder/model.onnx")]
    public void A_missing_file_is_named(string file)
    {
        using var folder = TemporaryModel.Copy("tiny-sdxl");
        File.Delete(folder[file]);
        Refused(folder, Path.GetFileName(file), "is missing");
    }

    [Theory]
    [InlineData("model_index.json", "_class_name", "\"FluxPipeline\"")]
    [InlineData("model_index.json", "imageservice_defaults.width", """{"width": 100}""")]
    [InlineData("model_index.json", "imageservice_defaults.scheduler", """{"scheduler": "eulr"}""")]
    [InlineData("unet/config.json", "in_channels", "8")]
    [InlineData("unet/config.json", "cross_attention_dim", "\"wide\"")]
    [InlineData("unet/config.json", "block_out_channels", "[]")]
    [InlineData("vae_decoder/config.json", "scaling_factor", "0")]
    [InlineData("vae_decoder/config.json", "latent_channels", "16")]
    [InlineData("vae_decoder/config.json", "latents_mean", "[0, 0, 0, 0]")]
    [InlineData("text_encoder/config.json", "hidden_size", "64")]
    [InlineData("text_encoder/config.json", "vocab_size", "1000")]
    [InlineData("scheduler/scheduler_config.json", "beta_schedule", "\"unheard_of\"")]
    [InlineData("scheduler/scheduler_config.json", "num_train_timesteps", "\"many\"")]
    public void A_wrong_value_is_named_with_its_file(string file, string field, string value)
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        folder.Set(file, field.Split('.')[0], JsonNode.Parse(value));
        Refused(folder, Path.GetFileName(file), field.Split('.')[^1]);
    }

    [Fact]
    public void Broken_files_are_named()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        File.WriteAllText(folder["unet/config.json"], "{\"sample_size\": 8,");
        Refused(folder, "config.json is not JSON");
    }

    [Fact]
    public void A_truncated_model_is_no_model()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        var bytes = File.ReadAllBytes(folder["unet/model.onnx"]);
        File.WriteAllBytes(folder["unet/model.onnx"], bytes[..(bytes.Length / 2)]);
        Refused(folder, "unet", "is not an ONNX model");
        File.WriteAllText(folder["unet/model.onnx"], "version https://git-lfs.github.com/spec/v1\n");
        Refused(folder, "unet", "is not an ONNX model");
    }

    [Fact]
    public void An_unknown_input_is_named()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteUNet(folder["unet/model.onnx"], TensorElementType.Float, TensorElementType.Float, extraInput: "class_labels");
        Refused(folder, "unet", "class_labels");
    }

    [Fact]
    public void A_text_encoder_of_the_wrong_width_is_named()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        folder.Set("unet/config.json", "cross_attention_dim", 64);
        Refused(folder, "unet", "encoder_hidden_states");
    }

    [Fact]
    public void Timesteps_of_doubles_are_refused()
    {
        using var folder = TemporaryModel.Copy("tiny-sd15");
        TinyOnnx.WriteUNet(folder["unet/model.onnx"], TensorElementType.Float, TensorElementType.Double);
        Refused(folder, "unet", "timestep");
    }

    private static void Refused(TemporaryModel folder, params string[] parts)
    {
        var message = Assert.Throws<ModelFolderException>(() => ModelFolder.Read(folder.Path)).Message;
        Assert.Contains(folder.Path, message);
        Assert.DoesNotContain('\n', message);
        Assert.EndsWith(".", message);
        Assert.All(parts, p => Assert.Contains(p, message));
    }
}

using ImageService.Core;
using ImageService.Diffusion.Schedulers;
using ImageService.Diffusion.Text;

namespace ImageService.Diffusion;

/// <summary>What a model folder says about itself, as far as the arithmetic needs it.</summary>
public sealed record ModelInfo
{
    public required ModelDescription Description { get; init; }

    /// <summary>One encoder, or two for SDXL: their hidden states are joined along the last axis, the last one's pooled output is the U-Net's.</summary>
    public required IReadOnlyList<TextEncoderInfo> TextEncoders { get; init; }

    /// <summary>The noise schedule the model was trained with.</summary>
    public required SchedulerConfig Scheduler { get; init; }

    public int LatentChannels { get; init; } = 4;

    /// <summary>Pixels a side for each latent.</summary>
    public int VaeScale { get; init; } = 8;

    /// <summary>Latents are multiplied by this after the encoder and divided before the decoder.</summary>
    public float ScalingFactor { get; init; } = 0.18215f;

    /// <summary>Subtracted before scaling (diffusers' <c>shift_factor</c>).</summary>
    public float ShiftFactor { get; init; }

    /// <summary>
    /// The VAE encoder gives mean and deviation, from which each picture samples. If not, it gives the latents themselves and the generator draws nothing for them.
    /// </summary>
    public bool EncodesPosterior { get; init; } = true;

    /// <summary>4, or 9 for inpainting U-Nets: latents, mask, latents of the masked image.</summary>
    public int UNetChannels { get; init; } = 4;

    /// <summary>Length of one row of the U-Net's pooled text input (SDXL's <c>text_embeds</c>); 0 = it has none, and no time ids either.</summary>
    public int PooledSize { get; init; }

    /// <summary>Length of the guidance embedding (<c>time_cond_proj_dim</c> of LCM U-Nets); 0 = none.</summary>
    public int GuidanceEmbeddingSize { get; init; }

    /// <summary>The U-Net takes a timestep for each row. If not, only rows at the same timestep can share a call.</summary>
    public bool TimestepPerRow { get; init; } = true;

    /// <summary>SDXL: an absent negative prompt is all zeros rather than the embedding of "".</summary>
    public bool ForceZerosForEmptyPrompt { get; init; }

    /// <summary>Floats of one token's embedding as the U-Net sees it.</summary>
    public int ContextSize => TextEncoders.Sum(e => e.HiddenSize);
}

/// <param name="Tokenizer">Made from the folder's tokenizer files.</param>
/// <param name="ContextLength">Tokens of one window, begin and end included: 77 for CLIP.</param>
/// <param name="HiddenSize">Floats a token.</param>
/// <param name="PooledSize">Floats of the pooled output; 0 = none.</param>
public sealed record TextEncoderInfo(ClipTokenizer Tokenizer, int ContextLength, int HiddenSize, int PooledSize);

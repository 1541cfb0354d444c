using ImageService.Core;
using ImageService.Diffusion.Denoise;

namespace ImageService.Worker;

/// <summary>How pictures become files. Runs on the thread pool, never on the engine's thread.</summary>
/// <param name="Encode">The finished picture with its parameters inside.</param>
/// <param name="Look">A small picture of an unfinished one.</param>
internal sealed record PictureFormat(
    Func<DecodedPicture, GenerationRequest, ReadOnlyMemory<byte>> Encode,
    Func<PreviewLatents, Preview> Look);

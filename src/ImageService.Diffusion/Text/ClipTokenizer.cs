namespace ImageService.Diffusion.Text;

/// <summary>CLIP's byte-pair tokenizer, made from the files of a model folder.</summary>
public sealed class ClipTokenizer // filled in by Text/
{
}

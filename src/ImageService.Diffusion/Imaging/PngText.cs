namespace ImageService.Diffusion.Imaging;

/// <summary>A text inside a PNG file.</summary>
/// <param name="Keyword">1..79 printable Latin-1 characters.</param>
/// <param name="Text">Any text; written as <c>tEXt</c> where Latin-1 can hold it and as <c>iTXt</c> (UTF-8) otherwise.</param>
/// <param name="International">Always write <c>iTXt</c>, as readers of this keyword demand.</param>
public sealed record PngText(string Keyword, string Text, bool International = false);

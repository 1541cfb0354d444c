using System.Reflection;
using ImageService.Core;

namespace ImageService.Diffusion.Imaging;

/// <summary>
/// The texts inside every picture: how it was drawn, for people and other programs (A1111's <c>parameters</c>), for this one
/// (<c>imageservice</c>), and the mark that it was made by a machine (IPTC's digital source type in XMP).
/// </summary>
public static class PictureMetadata
{
    /// <summary>Keyword of A1111's text, which most tools read.</summary>
    public const string ParametersKeyword = "parameters";

    /// <summary>Keyword of the record from which the picture can be drawn again.</summary>
    public const string RecordKeyword = "imageservice";

    /// <summary>Keyword that the XMP specification, part 3, gives for PNG.</summary>
    public const string XmpKeyword = "XML:com.adobe.xmp";

    /// <summary>IPTC's term for media made by a trained model.</summary>
    public const string DigitalSourceType = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

    internal static string Version { get; } =
        typeof(PictureMetadata).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>The texts of one picture of a job.</summary>
    /// <param name="request">The job's request.</param>
    /// <param name="index">Which of its pictures, 0..NumImages-1.</param>
    /// <param name="model">The model that drew it.</param>
    public static IReadOnlyList<PngText> Texts(GenerationRequest request, int index, ModelDescription model, PictureOrigin origin)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(origin);
        var seed = request.Seed + index;
        return
        [
            new PngText(ParametersKeyword, ParametersText.Write(request, seed, model)),
            new PngText(RecordKeyword, PictureRecord.Write(request, seed, model, origin), International: true),
            new PngText(XmpKeyword, Xmp, International: true),
        ];
    }

    private static string Xmp { get; } =
        $"""
        <?xpacket begin="{'\uFEFF'}" id="W5M0MpCehiHzreSzNTczkc9d"?>
        <x:xmpmeta xmlns:x="adobe:ns:meta/">
         <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
          <rdf:Description rdf:about=""
            xmlns:xmp="http://ns.adobe.com/xap/1.0/"
            xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
           <xmp:CreatorTool>ImageService {Version}</xmp:CreatorTool>
           <Iptc4xmpExt:DigitalSourceType>{DigitalSourceType}</Iptc4xmpExt:DigitalSourceType>
          </rdf:Description>
         </rdf:RDF>
        </x:xmpmeta>
        <?xpacket end="w"?>
        """;
}

using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using ImageService.V1;

namespace ImageService.Api.Tests.Grpc;

/// <summary>Start images and masks that do not fit, over gRPC: the same fields as over REST.</summary>
public sealed class GrpcStartImages
{
    private static readonly ByteString Square = Picture(64, 64);

    [Fact]
    public async Task What_does_not_fit_is_a_violation_of_its_field()
    {
        await using var api = await TestApi.StartAsync(("Models:Default", "starter"));
        api.Store.Models.AddRange([TestModels.TextOnly, TestModels.Inpaint, TestModels.NoClipSkip]);
        using var channel = api.Channel();
        var client = new Images.ImagesClient(channel);
        (string Fields, SubmitRequest Request)[] refused =
        [
            ("mask_image", new SubmitRequest { MaskImage = Square }),
            ("mask_image", new SubmitRequest { Image = Square, MaskImage = Picture(128, 64) }),
            ("mask_image", new SubmitRequest { Image = Square, MaskImage = ByteString.CopyFrom(Square.Span[..40]) }),
            ("image", new SubmitRequest { Image = ByteString.CopyFrom([.. "GIF89a"u8, 1, 0, 1, 0, 0, 0, 0, 0x3B]) }),
            ("image", new SubmitRequest { Image = Square, Model = "text-only" }),
            ("image mask_image", new SubmitRequest { Model = "inpaint" }),
            ("mask_image", new SubmitRequest { Image = Square, Model = "inpaint" }),
            ("strength", new SubmitRequest { Image = Square, Strength = 0 }),
            ("strength", new SubmitRequest { Image = Square, Strength = 1.5f }),
            ("clip_skip", new SubmitRequest { ClipSkip = 1, Model = "no-clip-skip" }),
        ];
        foreach (var (fields, request) in refused)
        {
            request.Prompt = "a red apple";
            var (failure, status) = await GrpcCalls.FailureAsync(() => client.SubmitAsync(request).ResponseAsync);
            Assert.Equal(StatusCode.InvalidArgument, failure.StatusCode);
            Assert.Equal(fields, string.Join(' ', status.GetDetail<BadRequest>()!.FieldViolations.Select(v => v.Field).Order()));
        }
        Assert.Empty(api.Store.Submissions);
        Assert.Empty(api.Blobs.Blobs);
    }

    private static ByteString Picture(int width, int height) => ByteString.CopyFrom(Pictures.Png(width, height, _ => { }));
}

using System.Buffers.Binary;
using System.IO.Hashing;
using System.Net;
using ImageService.Core;
using SkiaSharp;

namespace ImageService.Api.Tests;

/// <summary>Uploaded pictures: what is taken, as which bytes, and what is refused before a decoder sees it.</summary>
public sealed class StartImageInput
{
    private static readonly SKColor[] Quadrants = [SKColors.Red, SKColors.Lime, SKColors.Blue, SKColors.White];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_picture_becomes_plain_rows_of_its_own_size(bool dataUri)
    {
        await using var api = await TestApi.StartAsync();
        var id = await SubmitAsync(api, Squares(128, 64), prefix: dataUri ? "data:image/png;base64," : "");

        var request = api.Store.Submissions[0].Request;
        Assert.Equal((128, 64, BlobNames.StartImage(id), null, 0.8f), (request.Width, request.Height, request.Image, request.MaskImage, request.Strength));
        var rows = api.Blobs.Blobs[request.Image!];
        Assert.Equal(128 * 64 * 3, rows.Length);
        Assert.Equal([SKColors.Red, SKColors.Lime, SKColors.Blue, SKColors.White], Corners(rows, 128, 64));
    }

    [Fact]
    public async Task Sizes_are_rounded_down_to_what_the_model_draws()
    {
        await using var api = await TestApi.StartAsync();
        await SubmitAsync(api, Squares(200, 70));
        Assert.Equal((192, 64), (api.Store.Submissions[0].Request.Width, api.Store.Submissions[0].Request.Height));
        Assert.Equal(192 * 64 * 3, api.Blobs.Blobs[api.Store.Submissions[0].Request.Image!].Length);
        await SubmitAsync(api, Squares(20, 30));
        Assert.Equal((64, 64), (api.Store.Submissions[1].Request.Width, api.Store.Submissions[1].Request.Height));
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    [InlineData(SKEncodedImageFormat.Webp)]
    public async Task JPEG_and_WebP_are_taken(SKEncodedImageFormat format)
    {
        await using var api = await TestApi.StartAsync();
        await SubmitAsync(api, Pictures.Encode(64, 64, c => c.Clear(new SKColor(10, 200, 30)), format));
        var rows = api.Blobs.Blobs[api.Store.Submissions[0].Request.Image!];
        Assert.InRange(rows[1], 195, 205);
    }

    [Fact]
    public async Task Alpha_is_dropped_and_not_blended()
    {
        await using var api = await TestApi.StartAsync();
        using var bitmap = new SKBitmap(new SKImageInfo(64, 64, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        bitmap.Erase(SKColors.Transparent);
        bitmap.SetPixel(0, 0, new SKColor(200, 100, 50, 128));
        using var png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        await SubmitAsync(api, png.ToArray());
        Assert.Equal([200, 100, 50], api.Blobs.Blobs[api.Store.Submissions[0].Request.Image!][..3]);
    }

    [Fact]
    public async Task A_mask_is_stored_black_and_white()
    {
        await using var api = await TestApi.StartAsync();
        var mask = Pictures.Png(64, 64, c =>
        {
            c.Clear(new SKColor(127, 127, 127));
            c.DrawRect(32, 0, 32, 64, new SKPaint { Color = new SKColor(128, 128, 128) });
        });
        var id = await SubmitAsync(api, Squares(64, 64), mask, more: ",\"strength\":1");
        var stored = api.Blobs.Blobs[BlobNames.Mask(id)];
        Assert.Equal((64 * 64, 0, 255), (stored.Length, stored[31], stored[32]));
        Assert.Equal("inpaint", (await api.GetAsync($"/v1/jobs/{id}")).Json.GetProperty("mode").GetString());
    }

    [Fact]
    public async Task The_orientation_that_a_camera_noted_is_applied()
    {
        // Stored 96 x 64, to be turned clockwise: what was at the left bottom comes to the left top.
        await using var api = await TestApi.StartAsync();
        var jpeg = Pictures.Encode(128, 64, c => Draw(c, 128, 64), SKEncodedImageFormat.Jpeg);
        byte[] exif = [0xFF, 0xE1, 0, 34, .. "Exif"u8, 0, 0, .. "MM"u8, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
        await SubmitAsync(api, [.. jpeg[..2], .. exif, .. jpeg[2..]]);
        var request = api.Store.Submissions[0].Request;
        Assert.Equal((64, 128), (request.Width, request.Height));
        var corners = Corners(api.Blobs.Blobs[request.Image!], 64, 128);
        Assert.All(corners.Zip([SKColors.Blue, SKColors.Red, SKColors.White, SKColors.Lime]), p => Near(p.Second, p.First));
    }

    [Fact]
    public async Task Wrong_files_name_the_field()
    {
        await using var api = await TestApi.StartAsync();
        var good = Squares(64, 64);
        (string What, byte[] File, string Sentence)[] cases =
        [
            ("GIF", [.. "GIF89a"u8, 1, 0, 1, 0, 0, 0, 0, 0x3B], "PNG, JPEG or WebP"),
            ("SVG", [.. "<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"u8], "PNG, JPEG or WebP"),
            ("BMP", [.. "BM"u8, .. new byte[60]], "PNG, JPEG or WebP"),
            ("20000 x 20000", Header(20000, 20000), "sides of 1 to 4096"),
            ("2^31-1", Header(int.MaxValue, int.MaxValue), "image must"),
            ("0 x 0", Header(0, 0), "image must"),
            ("4097 x 1", Squares(4097, 2), "sides of 1 to 4096"),
            ("header only", good[..40], "image must"),
            ("60 %", good[..(good.Length * 6 / 10)], "truncated or damaged"),
            ("JPEG cut", Cut(Pictures.Encode(256, 256, c => Draw(c, 256, 256), SKEncodedImageFormat.Jpeg)), "truncated or damaged"),
            ("WebP cut", Cut(Pictures.Encode(256, 256, c => Draw(c, 256, 256), SKEncodedImageFormat.Webp)), "image must"),
            ("damaged", Damaged(good), "image must"),
            ("signature only", good[..8], "image must"),
        ];
        foreach (var (what, file, sentence) in cases)
        {
            var answer = await api.PostAsync(Body(file));
            Assert.True(answer.Status == HttpStatusCode.BadRequest, $"{what}: {answer.Text}");
            Assert.Equal(["image"], answer.Fields);
            Assert.Contains(sentence, answer.Sentence("image"), StringComparison.Ordinal);
        }
        Assert.Empty(api.Store.Submissions);
        Assert.Empty(api.Blobs.Blobs);
    }

    [Fact]
    public async Task Wrong_masks_name_the_mask()
    {
        await using var api = await TestApi.StartAsync();
        var good = Squares(64, 64);
        (byte[] File, string Sentence)[] cases =
        [
            ([.. "GIF89a"u8, 1, 0, 1, 0, 0, 0, 0, 0x3B], "PNG, JPEG or WebP"),
            (Header(20000, 20000), "sides of 1 to 4096"),
            (good[..(good.Length * 6 / 10)], "truncated or damaged"),
            (Damaged(good), "mask_image must"),
            (Squares(128, 64), "must have the size of image, 64 x 64; it has 128 x 64"),
        ];
        foreach (var (file, sentence) in cases)
        {
            var answer = await api.PostAsync(Body(good, file));
            Assert.Equal((HttpStatusCode.BadRequest, "invalid-request"), (answer.Status, answer.Problem));
            Assert.Equal(["mask_image"], answer.Fields);
            Assert.Contains(sentence, answer.Sentence("mask_image"), StringComparison.Ordinal);
        }
        Assert.Empty(api.Store.Submissions);
        Assert.Empty(api.Blobs.Blobs);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1.5")]
    [InlineData("-0.1")]
    public async Task A_strength_out_of_range_is_named_with_a_picture_too(string strength)
    {
        await using var api = await TestApi.StartAsync();
        var answer = await api.PostAsync(Body(Squares(64, 64), more: $",\"strength\":{strength}"));
        Assert.Equal((HttpStatusCode.BadRequest, "invalid-request"), (answer.Status, answer.Problem));
        Assert.Equal(["strength"], answer.Fields);
        Assert.Empty(api.Blobs.Blobs);
    }

    [Fact]
    public async Task A_model_without_hidden_states_takes_no_clip_skip()
    {
        await using var api = await TestApi.StartAsync(("Models:Default", "starter"));
        api.Store.Models.Add(TestModels.NoClipSkip);
        var answer = await api.PostAsync("""{"prompt":"a","model":"no-clip-skip","clip_skip":1}""");
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal(["clip_skip"], answer.Fields);
        Assert.Equal(HttpStatusCode.Accepted, (await api.PostAsync("""{"prompt":"a","model":"no-clip-skip","clip_skip":0}""")).Status);
    }

    [Theory]
    [InlineData("%%%")]
    [InlineData("")]
    [InlineData("https://example.org/apple.png")]
    [InlineData("file:///etc/passwd")]
    [InlineData("data:image/png,raw")]
    [InlineData("data:image/png;base64")]
    [InlineData("data:image/png;base64,")]
    [InlineData("iVBORw0KGgo")]
    public async Task Text_that_holds_no_file_names_the_field(string text)
    {
        await using var api = await TestApi.StartAsync();
        Assert.Equal(["image"], (await api.PostAsync($$"""{"prompt":"a","image":"{{text}}"}""")).Fields);
    }

    [Fact]
    public async Task Images_and_masks_must_fit_each_other_and_the_model()
    {
        await using var api = await TestApi.StartAsync(("Models:Default", "starter"));
        api.Store.Models.AddRange([TestModels.TextOnly, TestModels.Inpaint]);
        var image = Squares(64, 64);
        Assert.Equal(["mask_image"], (await api.PostAsync(Body(image, Squares(128, 64)))).Fields);
        Assert.Equal(["mask_image"], (await api.PostAsync($$"""{"prompt":"a","mask_image":"{{Convert.ToBase64String(image)}}"}""")).Fields);
        Assert.Equal(["image"], (await api.PostAsync(Body(image, more: ",\"model\":\"text-only\""))).Fields);
        Assert.Equal(["image", "mask_image"], (await api.PostAsync("""{"prompt":"a","model":"inpaint"}""")).Fields.Order());
        Assert.Equal(["mask_image"], (await api.PostAsync(Body(image, more: ",\"model\":\"inpaint\""))).Fields);
        Assert.Equal(["mask_image"], (await api.PostAsync(Body(image, image[..(image.Length / 2)]))).Fields);
        Assert.Empty(api.Blobs.Blobs);
    }

    [Fact]
    public async Task A_refused_job_leaves_no_picture_behind()
    {
        await using var api = await TestApi.StartAsync();
        api.Store.Capacity = 0;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await api.PostAsync(Body(Squares(64, 64), Squares(64, 64)))).Status);
        Assert.Empty(api.Blobs.Blobs);
    }

    [Fact]
    public async Task Without_the_image_store_the_job_is_not_taken()
    {
        await using var api = await TestApi.StartAsync();
        api.Blobs.Down = true;
        var answer = await api.PostAsync(Body(Squares(64, 64)));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "blobs-unavailable"), (answer.Status, answer.Problem));
        Assert.Empty(api.Store.Submissions);
    }

    [Fact]
    public async Task Mutated_files_are_taken_or_refused_and_never_a_failure()
    {
        await using var api = await TestApi.StartAsync();
        var random = new Random(20260102);
        byte[][] originals = [Squares(64, 64), Pictures.Encode(64, 64, c => Draw(c, 64, 64), SKEncodedImageFormat.Jpeg),
            Pictures.Encode(64, 64, c => Draw(c, 64, 64), SKEncodedImageFormat.Webp)];
        for (var i = 0; i < 600; i++)
        {
            var file = (byte[])originals[i % originals.Length].Clone();
            for (var change = random.Next(1, 6); change > 0; change--)
                file[random.Next(file.Length)] = (byte)random.Next(256);
            var answer = await api.PostAsync(Body(file));
            Assert.True(answer.Status is HttpStatusCode.Accepted or HttpStatusCode.BadRequest or HttpStatusCode.ServiceUnavailable, answer.Text);
        }
    }

    private static async Task<JobId> SubmitAsync(TestApi api, byte[] image, byte[]? mask = null, string prefix = "", string more = "") =>
        await api.SubmitAsync(Body(image, mask, prefix, more));

    private static string Body(byte[] image, byte[]? mask = null, string prefix = "", string more = "") =>
        $"{{\"prompt\":\"a\",\"image\":\"{prefix}{Convert.ToBase64String(image)}\""
        + (mask is null ? "" : $",\"mask_image\":\"{Convert.ToBase64String(mask)}\"") + more + "}";

    private static byte[] Squares(int width, int height) => Pictures.Png(width, height, c => Draw(c, width, height));

    private static void Draw(SKCanvas canvas, int width, int height)
    {
        for (var i = 0; i < 4; i++)
            canvas.DrawRect(i % 2 * width / 2f, i / 2 * height / 2f, width / 2f, height / 2f, new SKPaint { Color = Quadrants[i] });
    }

    private static SKColor[] Corners(byte[] rows, int width, int height)
    {
        SKColor At(int x, int y) => new(rows[((y * width) + x) * 3], rows[(((y * width) + x) * 3) + 1], rows[(((y * width) + x) * 3) + 2]);
        return [At(2, 2), At(width - 3, 2), At(2, height - 3), At(width - 3, height - 3)];
    }

    private static void Near(SKColor expected, SKColor actual) =>
        Assert.True(Math.Abs(expected.Red - actual.Red) + Math.Abs(expected.Green - actual.Green) + Math.Abs(expected.Blue - actual.Blue) < 12, $"{expected} {actual}");

    private static byte[] Cut(byte[] file) => file[..(file.Length / 2)];

    private static byte[] Damaged(byte[] file)
    {
        var damaged = (byte[])file.Clone();
        damaged[^20] ^= 0xFF;
        return damaged;
    }

    // A PNG that is little more than its claim.
    private static byte[] Header(int width, int height)
    {
        var size = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(size, width);
        BinaryPrimitives.WriteInt32BigEndian(size.AsSpan(4), height);
        size[8] = 8;
        return [0x89, .. "PNG\r\n"u8, 0x1A, 0x0A, .. Chunk("IHDR"u8, size), .. Chunk("IDAT"u8, [0x78, 0x9C, 3, 0, 0, 0, 0, 1]), .. Chunk("IEND"u8, [])];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, byte[] content)
    {
        byte[] body = [.. type, .. content];
        var frame = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(frame, content.Length);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(4), Crc32.HashToUInt32(body));
        return [.. frame[..4], .. body, .. frame[4..]];
    }
}

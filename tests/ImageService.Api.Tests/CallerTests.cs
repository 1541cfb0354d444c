using System.Net;
using ImageService.Api.Jobs;
using Microsoft.AspNetCore.Http;

namespace ImageService.Api.Tests;

public sealed class CallerTests
{
    [Fact]
    public void Without_a_key_the_client_is_the_address() => Assert.Equal("192.0.2.7", Client());

    [Theory]
    [InlineData("X-Api-Key", "secret")]
    [InlineData("Authorization", "Bearer secret")]
    [InlineData("Authorization", "bearer secret ")]
    public void A_key_names_the_client_without_being_readable(string header, string value)
    {
        var client = Client((header, value));
        Assert.Equal(Client(("X-Api-Key", "secret")), client);
        Assert.NotEqual(Client(("X-Api-Key", "other")), client);
        Assert.Matches("^key-[0-9a-f]{32}$", client);
    }

    [Theory]
    [InlineData("X-Api-Key", " ")]
    [InlineData("Authorization", "Bearer ")]
    [InlineData("Authorization", "Basic c2VjcmV0")]
    public void What_is_no_key_does_not_count(string header, string value) => Assert.Equal("192.0.2.7", Client((header, value)));

    private static string Client(params (string Name, string Value)[] headers)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse("::ffff:192.0.2.7");
        foreach (var (name, value) in headers)
            context.Request.Headers[name] = value;
        return Caller.Of(context, null).Client;
    }
}

// SPDX-License-Identifier: Apache-2.0

// Client WAY NAME: one request by java.net.http, or through a SOCKS proxy by java.net.Socket.
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import javax.net.ssl.SSLSocketFactory;

class Client {
	static final String PROXY = "proxy.example.net";

	static void bySocket(String name) throws Exception {
		Socket tunnel = new Socket(new Proxy(Proxy.Type.SOCKS, new InetSocketAddress(PROXY, 1080)));

		tunnel.connect(InetSocketAddress.createUnresolved(name, 443));
		try (Socket tls = ((SSLSocketFactory) SSLSocketFactory.getDefault()).createSocket(tunnel, name, 443, true)) {
			tls.getOutputStream().write(("GET /close HTTP/1.1\r\nHost: " + name + "\r\n\r\n").getBytes());
			InputStream answer = tls.getInputStream();
			answer.readAllBytes();
		}
	}

	public static void main(String[] args) throws Exception {
		String way = args[0], name = args[1];
		HttpClient.Builder client = HttpClient.newBuilder();

		if (way.equals("socks5h")) {
			bySocket(name);
			return;
		}
		if (way.equals("connect") || way.equals("proxy"))
			client.proxy(ProxySelector.of(new InetSocketAddress(PROXY, 3128)));
		String scheme = way.equals("http") || way.equals("proxy") ? "http" : "https";
		client.build().send(HttpRequest.newBuilder(URI.create(scheme + "://" + name + "/")).build(),
			HttpResponse.BodyHandlers.ofString());
		System.exit(0);
	}
}

import static java.nio.charset.StandardCharsets.UTF_8;
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.util.*; import java.util.concurrent.*;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
/** Signs events and sends them, with the JDK alone (17 or newer): {@code java Sender.java URL FILE}. */
public final class Sender {
    static final Map<String, String> ENV = System.getenv();
    static String secret = ENV.get("IOT_SYSTEM_SIGNATURE_SECRET"), token = ENV.getOrDefault("IOT_TOKEN", "").strip();
    static String email = ENV.getOrDefault("IOT_EMAIL", ""), password = ENV.getOrDefault("IOT_PASSWORD", "");
    static double[] seconds = List.of(ENV.getOrDefault("IOT_SECONDS", "0 2 4 30 15").split(" ")).stream()
            .mapToDouble(Double::parseDouble).toArray(); // before each try, at most for Retry-After, for an answer
    static final HttpClient CLIENT = HttpClient.newHttpClient(); // by default it follows no redirect
    record Answer(int status, long later, String word) {} // no answer has status 0

    /** Returns the X-Signature of exactly these bytes, followed by the text of X-Timestamp. */
    public static String sign(byte[] body, String timestamp, String secret) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(UTF_8), "HmacSHA256"));
        mac.update(body);
        return Base64.getEncoder().encodeToString(mac.doFinal(timestamp.getBytes(UTF_8)));
    }

    /** Sends an event until it is answered 200, or never will be; returns whether it was. */
    public static boolean deliver(URI url, byte[] body) throws Exception {
        boolean mayLogIn = !token.isEmpty() && !email.isEmpty();
        Answer answer = new Answer(0, 0, "");
        for (int i = 0; i < 3; i++) {
            Thread.sleep((long) (1000 * Math.max(seconds[i], Math.min(answer.later, seconds[3]))));
            answer = send(url, body);
            if (answer.status == 401 && mayLogIn) { // once for an event, or it might never end
                mayLogIn = false; token = "";
                answer = send(url, body);
            }
            if (!Set.of(0, 408, 429).contains(answer.status) && answer.status < 500) break;
        }
        return answer.status == 200;
    }

    /** Sends the bytes under a new signature, after a log-in if there is no token. */
    private static Answer send(URI url, byte[] body) throws Exception {
        if (token.isEmpty()) {
            String json = "{\"email\":" + quoted(email) + ",\"password\":" + quoted(password) + "}";
            Answer answer = post(url.resolve("/api/admin/login"), json.getBytes(UTF_8), "access_token");
            token = answer.word;
            if (token.isEmpty()) return answer.status == 200 ? new Answer(401, 0, "") : answer;
        }
        String now = String.valueOf(System.currentTimeMillis() / 1000);
        return post(url, body, "state|error", "Authorization", "Bearer " + token, "X-Timestamp", now,
                "X-Signature", sign(body, now, secret));
    }

    private static Answer post(URI to, byte[] body, String name, String... signed) throws Exception {
        var request = HttpRequest.newBuilder(to).version(HttpClient.Version.HTTP_1_1)
                .POST(HttpRequest.BodyPublishers.ofByteArray(body)).header("Content-Type", "application/json");
        for (int i = 0; i < signed.length; i += 2) request.header(signed[i], signed[i + 1]);
        Answer answer = new Answer(0, 0, "");
        try {
            var heard = CLIENT.sendAsync(request.build(), HttpResponse.BodyHandlers.ofString())
                    .get((long) (1000 * seconds[4]), TimeUnit.MILLISECONDS);
            var later = heard.headers().firstValue("Retry-After").filter(text -> text.matches("\\d{1,9}"));
            var word = Pattern.compile("\"(?:" + name + ")\"\\s*:\\s*\"([\\w.~+/=-]+)\"").matcher(heard.body());
            answer = new Answer(heard.statusCode(), Long.parseLong(later.orElse("0")), word.find() ? word.group(1) : "");
        } catch (ExecutionException | TimeoutException none) { /* no connection, or no whole answer in time */ }
        System.out.println(answer.status + " " + (name.equals("access_token") ? "log-in" : answer.word));
        return answer;
    }

    private static String quoted(String text) { return '"' + text.replaceAll("[\"\\\\]", "\\\\$0") + '"'; }
    public static void main(String[] arguments) throws Exception {
        if (!token.matches("[!-~]*") || (secret + password).indexOf(0xFFFD) >= 0)
            throw new IllegalStateException("the token is no value of a header, or the locale is not one of UTF-8");
        byte[] event = Files.readAllBytes(Path.of(arguments[1]));
        System.exit(deliver(URI.create(arguments[0]), event) ? 0 : 1);
    }
}

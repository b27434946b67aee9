import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Signs the way a Java gateway does: texts, joined as texts, turned into UTF-8 bytes at the end.
 *
 * <p>Reads lines of three Base64 texts, split by blanks: secret, body and timestamp, each in UTF-8;
 * prints one signature a line. An empty body is written as "-".
 */
public final class Sign {
    private Sign() {}

    public static void main(String[] arguments) throws IOException, GeneralSecurityException {
        BufferedReader lines =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            System.out.println(sign(text(words[0]), text(words[1]), text(words[2])));
        }
    }

    private static String sign(String secret, String body, String timestamp)
            throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        byte[] tag = mac.doFinal((body + timestamp).getBytes(StandardCharsets.UTF_8));
        return Base64.getEncoder().encodeToString(tag);
    }

    private static String text(String word) {
        return word.equals("-")
                ? ""
                : new String(Base64.getDecoder().decode(word), StandardCharsets.UTF_8);
    }
}

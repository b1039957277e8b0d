# Java: compiled and run; files, a process, threads.
# needs: java javac
# refused: any
# looks: connect
cat >Main.java <<'JAVA'
import java.nio.file.*; import java.util.stream.*; import java.io.*;
public class Main {
	public static void main(String[] a) throws Exception {
		Files.createDirectories(Path.of("a/b")); Files.writeString(Path.of("a/b/text"), "text\n");
		Files.copy(Path.of("a/b/text"), Path.of("a/copy")); Files.move(Path.of("a/copy"), Path.of("a/moved"));
		Files.createSymbolicLink(Path.of("a/link"), Path.of("moved"));
		try (var s = Files.walk(Path.of("a"))) { System.out.println(s.map(Path::toString).sorted().collect(Collectors.joining(" "))); }
		try { Files.readString(Path.of("missing")); } catch (IOException e) { System.out.println(e); }
		var p = new ProcessBuilder("sh", "-c", "cat a/b/text; exit 4").redirectErrorStream(true).start();
		System.out.print(new String(p.getInputStream().readAllBytes())); System.out.println(p.waitFor());
		System.out.println(IntStream.range(0, 100).parallel().map(i -> { try { Files.writeString(Path.of("p" + i), "" + i); return i; } catch (IOException e) { return -1000; } }).sum());
		Path t = Files.createTempFile(Path.of("."), "x", "y"); Files.delete(t); System.exit(3);
	}
}
JAVA
javac -J-XX:-UsePerfData -d classes Main.java && java -XX:-UsePerfData -XX:TieredStopAtLevel=1 -cp classes Main; echo "java said $?"

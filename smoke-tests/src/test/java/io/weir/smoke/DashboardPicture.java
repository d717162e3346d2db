package io.weir.smoke;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.junit.jupiter.api.Test;

/**
 * Draws the picture of docs/telemetry.md: four minutes of a fleet's life, seen by a real Prometheus
 * through the queries of the dashboard. No test of ./verify; run it by its name:
 *
 * <pre>
 * mvn -pl smoke-tests -am package -Dtest=DashboardPicture -Dsurefire.failIfNoSpecifiedTests=false
 * </pre>
 */
class DashboardPicture {
  private static final int USUAL = 120;
  private static final int RUSH = 330;

  @Test
  void draws() throws Exception {
    double from;
    double to;
    try (DashboardRig rig = new DashboardRig(DashboardsTest.export(), "1s", USUAL)) {
      from = seconds() + 5;
      live(40);
      rig.share(30);
      live(30);
      rig.rate(RUSH);
      live(35);
      rig.rate(USUAL);
      live(20);
      rig.payment("broken");
      live(25);
      rig.payment("well");
      live(20);
      rig.rules.put("service/shop/rate-limit/per-user", "{\"qps\": -1}");
      live(15);
      rig.rules.put("service/shop/rate-limit/per-user", DashboardRig.PER_USER);
      rig.share(60);
      live(15);
      rig.payment("slow");
      live(20);
      rig.payment("well");
      live(20);
      to = Math.floor(seconds()) - 2;
      Path svg = Work.directory("picture").resolve("dashboard.svg");
      Files.writeString(
          svg,
          Drawing.of(
              Dashboard.read(rig.exported.resolve("weir-dashboard.json")),
              rig.prometheus,
              Math.ceil(from),
              to));
      toPng(svg, Path.of("../docs/images/dashboard.png"));
    }
  }

  private static void toPng(Path svg, Path png) throws IOException, InterruptedException {
    Process p =
        new ProcessBuilder("rsvg-convert", "-o", png.toString(), svg.toString())
            .inheritIO()
            .start();
    assertThat(p.waitFor()).as("rsvg-convert (Debian: librsvg2-bin)").isZero();
    BufferedImage drawn = ImageIO.read(png.toFile()); // packed as well as it can be: a quarter less
    ImageWriter writer = ImageIO.getImageWritersByFormatName("png").next();
    ImageWriteParam best = writer.getDefaultWriteParam();
    best.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
    best.setCompressionQuality(0);
    Files.delete(png);
    try (ImageOutputStream out = ImageIO.createImageOutputStream(png.toFile())) {
      writer.setOutput(out);
      writer.write(null, new IIOImage(drawn, null, null), best);
    }
  }

  private static double seconds() {
    return System.currentTimeMillis() / 1e3;
  }

  /** The pace is the experiment. */
  private static void live(int seconds) throws InterruptedException {
    Thread.sleep(seconds * 1000L);
  }
}

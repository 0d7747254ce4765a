package io.sluice.balance;

import static io.sluice.balance.BalancerContract.members;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Comparator.comparing;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class KetamaTest implements ConsistentBalancerContract {
  @Override
  public Balancer.Factory factory() {
    return Policies.ketama();
  }

  @Override
  public double unevenness() {
    return 0.35; // four times 1/sqrt(160), and some for the most extreme of 1,000 members
  }

  @Override
  public double strays() {
    return 0;
  }

  /** One member set of the golden file, and what nginx chose for each key. */
  record Golden(List<FakeMember> members, List<String> keys, List<String> choices) {
    @Override
    public String toString() {
      return members.size() + " members, first " + members.getFirst().name();
    }
  }

  @ParameterizedTest
  @MethodSource("golden")
  void picksWhatNginxPicks(Golden golden) {
    Balancer ketama = factory().over(golden.members);
    List<String> picks =
        golden.keys.stream()
            .map(key -> ByteBuffer.wrap(key.getBytes(US_ASCII)).getLong())
            .map(key -> golden.members.get(ketama.pick(key)).name())
            .toList();
    assertThat(golden.keys).hasSize(513);
    assertThat(picks).isEqualTo(golden.choices);
  }

  @Test
  void goldenFileHasEverySet() {
    assertThat(golden()).hasSize(9);
  }

  @Test
  void pointClaimedTwiceIsTheFirstOnesByName() {
    // Both claim the point after this key: nginx sends it to the first, as the golden file shows.
    long key = ByteBuffer.wrap("t0011105".getBytes(US_ASCII)).getLong();
    List<FakeMember> members =
        List.of(new FakeMember("127.0.0.1:19001", 1_000), new FakeMember("127.0.0.1:19002", 1_000));
    assertThat(new Ketama(members).pick(key)).isEqualTo(0);
    assertThat(new Ketama(members.reversed()).pick(key)).isEqualTo(1);
    assertThat(new Ketama(members.subList(1, 2)).pick(key)).isEqualTo(0);
  }

  @Test
  void ringIsBoundedAndStillSharedByWeight() {
    List<FakeMember> members = members(1_000, i -> i < 500 ? 500 : 1_000);
    Ketama ketama = new Ketama(members);
    assertThat(ketama.points.length).isBetween(Ketama.MAX_POINTS * 99 / 100, Ketama.MAX_POINTS);
  }

  private static List<Golden> golden() {
    List<Golden> sets = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(KetamaTest.class.getResourceAsStream("ketama-nginx.txt")),
                US_ASCII))) {
      for (String line : lines.lines().filter(l -> !l.startsWith("#")).toList()) {
        String[] words = line.split(" ", -1);
        if (words[0].equals("set")) {
          sets.add(new Golden(membersOf(words), new ArrayList<>(), new ArrayList<>()));
        } else {
          sets.getLast().keys.add(words[0]);
          sets.getLast().choices.add(words[1]);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return sets;
  }

  private static List<FakeMember> membersOf(String[] words) {
    return Arrays.stream(words)
        .skip(1)
        .map(word -> word.split("=", 2))
        .map(w -> new FakeMember(w[0], w.length == 1 ? 1 : Integer.parseInt(w[1])))
        .sorted(comparing(FakeMember::name))
        .toList();
  }
}

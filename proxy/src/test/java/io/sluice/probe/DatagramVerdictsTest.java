package io.sluice.probe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What each protocol makes of answers that are to the question. */
class DatagramVerdictsTest {
  private static final byte[] NOTHING = {};

  @Test
  void udp_finds_what_it_expects_anywhere_in_the_answer() throws Exception {
    assertThat(answered(udp("pong", null), "well, pong!")).isTrue();
    assertThatThrownBy(() -> answered(udp("^pong", null), "well, pong!"))
        .hasMessage("answer does not match expect: 'well, pong!'");
  }

  @Test
  void udp_shows_what_came_in_print_and_not_at_length() {
    assertThatThrownBy(() -> answered(udp("pong", null), "\u0000'\n\u00e9" + "x".repeat(60_000)))
        .hasMessage("answer does not match expect: '\\x00'\\x0a\\xe9" + "x".repeat(36) + "...'");
  }

  @Test
  void udp_takes_any_answer_and_none_where_nothing_is_expected() throws Exception {
    assertThat(answered(udp(null, null), "")).isTrue();
    assertThat(udp(null, null).mayGoUnanswered()).isTrue();
    assertThat(udp("pong", null).mayGoUnanswered()).isFalse();
  }

  @Test
  void udp_hears_a_lame_duck_whatever_else_it_says() throws Exception {
    assertThatThrownBy(() -> answered(udp("pong", "drain"), "pong draining"))
        .isInstanceOf(LameDuck.class)
        .hasMessage("asks to be drained: 'pong draining'");
    assertThatThrownBy(() -> answered(udp("pong", "drain"), "draining"))
        .isInstanceOf(LameDuck.class);
    assertThat(answered(udp("pong", "drain"), "pong")).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"^(a+)+$", "^(a|a)*$", "(?s)^(.|a)*b"})
  void udp_gives_an_unlucky_regex_up(String regex) {
    assertThatThrownBy(() -> answered(udp(regex, null), "a".repeat(60_000) + "!"))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("the regex takes too long on the answer 'aaa")
        .hasMessageEndingWith("write a simpler one");
  }

  @ParameterizedTest
  @CsvSource({"1, FORMERR", "2, SERVFAIL", "5, REFUSED", "9, NOTAUTH"})
  void dns_wants_no_error_or_no_such_name(int rcode, String named) {
    var query = new DnsQuery(DnsQuery.question("example.org", "SOA"), false);
    byte[] answer = Spoken.dns(query.datagram());
    answer[3] |= (byte) rcode;
    assertThatThrownBy(() -> query.isAnsweredBy(ByteBuffer.wrap(answer)))
        .hasMessage("answered " + named);
    answer[3] = (byte) ((answer[3] & ~rcode) | 3);
    assertThatCode(() -> query.isAnsweredBy(ByteBuffer.wrap(answer))).doesNotThrowAnyException();
  }

  @Test
  void dns_wants_its_own_question_back() throws Exception {
    var query = new DnsQuery(DnsQuery.question("example.org", "SOA"), true);
    byte[] other = Spoken.dns(query.datagram());
    other[13] ^= 1;
    assertThat(query.isAnsweredBy(ByteBuffer.wrap(other))).isFalse();

    byte[] otherCase = Spoken.dns(query.datagram());
    otherCase[13] ^= 0x20;
    assertThat(query.isAnsweredBy(ByteBuffer.wrap(otherCase))).isTrue();

    byte[] none = Arrays.copyOf(Spoken.dns(query.datagram()), 12);
    none[5] = 0;
    none[7] = 0;
    assertThatThrownBy(() -> query.isAnsweredBy(ByteBuffer.wrap(none)))
        .hasMessage("answered without the question");
  }

  @Test
  void dns_asks_for_recursion_only_if_told_to() {
    var question = DnsQuery.question(".", "NS");
    assertThat(new DnsQuery(question, true).datagram()[2]).isEqualTo((byte) 1);
    assertThat(new DnsQuery(question, false).datagram()[2]).isZero();
  }

  /** RFC 5997, section 6.1. */
  @Test
  void radius_asks_and_understands_as_its_rfc_shows() throws Exception {
    var hex = HexFormat.of();
    byte[] authenticator = hex.parseHex("8a54f4686fb394c52866e302185d0623");
    var question = new StatusServer("xyzzy5461", (byte) 0xda, authenticator);
    assertThat(hex.formatHex(question.datagram()))
        .isEqualTo(
            "0cda00268a54f4686fb394c52866e302185d0623" + "50125a665e2e1e8411f3e243822097c84fa3");
    byte[] answer = hex.parseHex("02da0014ef0d552a4bf2d693ec2b6fe8b5411d66");
    assertThat(question.isAnsweredBy(ByteBuffer.wrap(answer))).isTrue();
    assertThat(
            new StatusServer("another", (byte) 0xda, authenticator)
                .isAnsweredBy(ByteBuffer.wrap(answer)))
        .isFalse();
  }

  @Test
  void radius_takes_accept_and_accounting_response_signed_twice_or_once() throws Exception {
    for (int code : new int[] {2, 5}) {
      for (boolean signed : new boolean[] {true, false}) {
        var question = new StatusServer(Spoken.SECRET);
        byte[] answer = Spoken.radius(question.datagram(), code, signed);
        assertThat(question.isAnsweredBy(ByteBuffer.wrap(answer))).isTrue();
      }
    }
    var question = new StatusServer(Spoken.SECRET);
    byte[] reject = Spoken.radius(question.datagram(), 3, true);
    assertThatThrownBy(() -> question.isAnsweredBy(ByteBuffer.wrap(reject)))
        .hasMessage("answered code 3, neither accept nor accounting response");
  }

  @Test
  void radius_trusts_no_answer_with_one_bit_changed() throws Exception {
    var question = new StatusServer(Spoken.SECRET);
    byte[] right = Spoken.radius(question.datagram(), 2, true);
    for (int bit = 0; bit < right.length * 8; bit++) {
      byte[] changed = right.clone();
      changed[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThat(question.isAnsweredBy(ByteBuffer.wrap(changed))).as("bit %d", bit).isFalse();
    }
  }

  /** Its first signature is right, the second is another packet's. */
  @Test
  void radius_wants_every_signature_right() throws Exception {
    var question = new StatusServer(Spoken.SECRET);
    byte[] theirs = Spoken.radius(question.datagram(), 2, true);
    byte[] resigned = Spoken.resigned(question.datagram(), theirs);
    assertThat(question.isAnsweredBy(ByteBuffer.wrap(resigned))).isTrue();
    theirs[30] ^= 1;
    byte[] half = Spoken.resigned(question.datagram(), theirs);
    assertThat(question.isAnsweredBy(ByteBuffer.wrap(half))).isFalse();
  }

  @Test
  void stun_tells_an_error_and_misses_the_address() {
    var question = new StunBinding();
    byte[] ours = question.datagram();
    byte[] error =
        ByteBuffer.allocate(28)
            .putInt(0x0111_0008)
            .put(ours, 4, 16)
            .putInt(0x0009_0004)
            .putInt((4 << 8) | 20)
            .array();
    byte[] bare = ByteBuffer.allocate(20).putInt(0x0101_0000).put(ours, 4, 16).array();
    assertThatThrownBy(() -> question.isAnsweredBy(ByteBuffer.wrap(error)))
        .hasMessage("answered error 420");
    assertThatThrownBy(() -> question.isAnsweredBy(ByteBuffer.wrap(bare)))
        .hasMessage("answered without an address");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "200 OK",
        "404 Not Found",
        "405 Method Not Allowed",
        "501 Not Implemented",
        "603 Decline"
      })
  void sip_takes_any_final_answer(String status) throws Exception {
    Question question = sip();
    byte[] answer = Spoken.sip(question.datagram(), status);
    assertThat(question.isAnsweredBy(ByteBuffer.wrap(answer))).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"500 Server Internal Error", "503 Service Unavailable"})
  void sip_does_not_take_a_failure_of_the_server(String status) {
    Question question = sip();
    byte[] answer = Spoken.sip(question.datagram(), status);
    assertThatThrownBy(() -> question.isAnsweredBy(ByteBuffer.wrap(answer)))
        .hasMessage("answered 'SIP/2.0 " + status + "'");
  }

  @Test
  void sip_waits_on_after_a_provisional_answer() throws Exception {
    Question question = sip();
    byte[] trying = Spoken.sip(question.datagram(), "100 Trying");
    assertThat(question.isAnsweredBy(ByteBuffer.wrap(trying))).isFalse();
  }

  @Test
  void quic_asks_in_a_reserved_version_at_full_size() {
    byte[] packet = new VersionNegotiation().datagram();
    assertThat(packet).hasSize(1_200);
    assertThat(packet[0]).isEqualTo((byte) 0xc0);
    assertThat(ByteBuffer.wrap(packet).getInt(1) & 0x0f0f_0f0f).isEqualTo(0x0a0a_0a0a);
  }

  @Test
  void quic_wants_a_list_of_versions() {
    var question = new VersionNegotiation();
    byte[] answer = Arrays.copyOf(Spoken.quic(question.datagram()), 23);
    assertThatThrownBy(() -> question.isAnsweredBy(ByteBuffer.wrap(answer)))
        .hasMessage("answered with no list of versions");
  }

  @ParameterizedTest
  @CsvSource({"0x24, 1", "0x24, 15", "0x64, 3", "0x1c, 2"})
  void ntp_takes_a_synchronised_clock(int first, int stratum) throws Exception {
    var question = new NtpQuery();
    byte[] answer = Spoken.ntp(question.datagram(), first, stratum);
    assertThat(question.isAnsweredBy(ByteBuffer.wrap(answer))).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "0xe4, 2, is not synchronised (stratum 2)",
    "0x24, 16, is not synchronised (stratum 16)",
    "0x24, 0, answered kiss-o'-death 'RATE'",
  })
  void ntp_does_not_take_another(int first, int stratum, String reason) {
    var question = new NtpQuery();
    byte[] answer = Spoken.ntp(question.datagram(), first, stratum);
    assertThatThrownBy(() -> question.isAnsweredBy(ByteBuffer.wrap(answer))).hasMessage(reason);
  }

  private static Question sip() {
    return Spoken.all().stream()
        .filter(spoken -> spoken.name().equals("sip-options"))
        .findFirst()
        .orElseThrow()
        .ask();
  }

  private static Message udp(@Nullable String expect, @Nullable String drain) {
    return new Message(
        NOTHING,
        expect == null ? null : Pattern.compile(expect),
        drain == null ? null : Pattern.compile(drain));
  }

  private static boolean answered(Question question, String latin1) throws IOException {
    return question.isAnsweredBy(ByteBuffer.wrap(latin1.getBytes(ISO_8859_1)));
  }
}

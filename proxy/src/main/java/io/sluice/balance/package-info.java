/** Which member gets a key: pure arithmetic, no Netty, no clock; imports nothing of ours. */
@NullMarked
package io.sluice.balance;

import org.jspecify.annotations.NullMarked;

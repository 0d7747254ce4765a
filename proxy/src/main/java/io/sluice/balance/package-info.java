/**
 * Which member gets a key: pure arithmetic, no Netty, no clock; imports nothing of ours. Consistent
 * policies hang on names and weights alone, so that appliances side by side agree.
 */
@NullMarked
package io.sluice.balance;

import org.jspecify.annotations.NullMarked;

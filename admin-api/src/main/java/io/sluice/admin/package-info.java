/** REST over the {@code Appliance} facade: knows HTTP, and nothing of datagrams. */
@NullMarked
package io.sluice.admin;

import org.jspecify.annotations.NullMarked;

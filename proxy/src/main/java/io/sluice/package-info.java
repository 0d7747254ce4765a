/** The appliance put together; sees every room, and only admin-api sees it. */
@NullMarked
package io.sluice;

import org.jspecify.annotations.NullMarked;

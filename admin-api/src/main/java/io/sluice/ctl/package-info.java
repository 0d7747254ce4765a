/**
 * {@code sluice ctl}: a client of the admin API. It knows the contract, openapi.yaml, and nothing
 * of the appliance: it may be of another version and on another machine.
 */
@NullMarked
package io.sluice.ctl;

import org.jspecify.annotations.NullMarked;

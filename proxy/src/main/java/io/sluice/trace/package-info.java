/**
 * What datagrams and flows leave behind for people: captures, the recorder, the access log. Loops
 * put in and never wait; what there is no room for is lost and counted. Imports net, metrics.
 */
@NullMarked
package io.sluice.trace;

import org.jspecify.annotations.NullMarked;

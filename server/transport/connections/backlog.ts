/**
 * Connections that may wait to be accepted: as many as the system lets (`net.core.somaxconn`, 4,096 on Linux unless it is told otherwise). Of more that come at once TCP has each try
 * again after a second, then after three.
 */
export const BACKLOG = 65_535;

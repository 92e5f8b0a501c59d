"""Records and Messages of TR-369 as protobuf classes, generated from `usp.proto`.

Make them anew: `python -m fleet_server.protocol.generate`.
"""

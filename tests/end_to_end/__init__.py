"""The whole server, spoken to over real sockets: real SQLite, real files, real ffmpeg."""

"""The rest of the city: small everyday stories in which every agency says everything it has a contract for."""
